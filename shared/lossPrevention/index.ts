export { contentSecurityPolicy } from './dashboard/frame.ts';
export { type LossPreventionSettings, lossPreventionSettingsSchema, type RunRecord } from './runs.ts';
export { type LossPrevention, lakeContainer, openLossPrevention, runQueue } from './service.ts';

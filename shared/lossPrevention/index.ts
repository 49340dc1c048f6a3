export { dashboardType } from './dashboard/format.ts';
export { contentSecurityPolicy } from './dashboard/frame.ts';
export { html } from './dashboard/html.ts';
export { notice, openPage, openPolicy } from './dashboard/notice.ts';
export { type LossPreventionSettings, lossPreventionSettingsSchema, type RunRecord } from './runs.ts';
export {
  type Attempt,
  type LossPrevention,
  type LossPreventionOptions,
  lakeContainer,
  openLossPrevention,
  type RunEnd,
  runQueue,
} from './service.ts';

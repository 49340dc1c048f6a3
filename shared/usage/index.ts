export type { Counts } from './counts.ts';
export { openCounts, usageTable } from './counts.ts';
export type { Usage, UsageLine } from './usage.ts';
export { openUsage } from './usage.ts';

export { type DriftWeek, lastWeek, readDrift, reportDrift } from './drift.ts';
export {
  executeTraining,
  type RetrainingParts,
  requestDue,
  requestTraining,
  retrainingNames,
} from './retraining.ts';
export { type Place, readStatus, type TrainingStatus } from './status.ts';
export { treesOf } from './trees.ts';

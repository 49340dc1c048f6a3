export { lookAfterModels } from './daily.ts';
export { type DriftWeek, readDrift } from './drift.ts';
export {
  executeTraining,
  postponeTraining,
  type RetrainingParts,
  requestTraining,
  retrainingNames,
} from './retraining.ts';
export { type Place, readStatus, type TrainingStatus } from './status.ts';
export { treesOf } from './trees.ts';

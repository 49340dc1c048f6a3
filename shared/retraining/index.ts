export { type DriftWeek, readDrift } from './drift.ts';
export { doNight } from './nightly.ts';
export {
  executeTraining,
  type RetrainingParts,
  requestTraining,
  retrainingNames,
} from './retraining.ts';
export { type Place, readStatus, type TrainingStatus } from './status.ts';
export { treesOf } from './trees.ts';

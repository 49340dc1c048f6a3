export type { Aggregate } from './aggregate.ts';
export { tableName as velocityTable } from './rows.ts';
export {
  type Contribution,
  openVelocities,
  type Velocities,
  type VelocityOptions,
  type VelocityRef,
  type Wanted,
} from './velocities.ts';
export type { Window } from './window.ts';

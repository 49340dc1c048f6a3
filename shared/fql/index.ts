export { compileRules } from './compile.ts';
export type * from './types.ts';
export { compileVelocitySet } from './velocity-set.ts';

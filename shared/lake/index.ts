export { type Lake, type LakeRange, openLake } from './lake.ts';
export { dayOf, type LakeEvent, type LakeKey, lakeLine } from './line.ts';
export { type LakeDay, lakeNames } from './places.ts';

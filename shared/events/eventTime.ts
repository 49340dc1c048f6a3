import type { JsonObject } from './canonical.ts';
import type { EventKind } from './index.ts';
import { readInstant } from './instant.ts';

const assessmentTimes = [
  'merchantLocalDate',
  '_metadata.merchantTimeStamp',
  'metadata.merchantTimeStamp',
  'customerLocalDate',
  'metadata.customerLocalDate',
  'metadata.timestamp',
];
const laterTimes = [
  'eventTimeStamp',
  'label.eventTimeStamp',
  'bankEventTimestamp',
  'statusDate',
  'statusDetails.statusDate',
  '_metadata.merchantTimeStamp',
  'metadata.merchantTimeStamp',
  'merchantLocalDate',
  'customerLocalDate',
  'metadata.customerLocalDate',
  'metadata.timestamp',
];

/** Where events say themselves when they were, the first that is there counts: of assessments, and of others. */
export function timePaths(role: EventKind['role']): readonly string[] {
  return role === 'assessment' ? assessmentTimes : laterTimes;
}

/** When an event was by its own account, ms since 1970; undefined where it says nothing that is a time. */
export function ownTime(payload: JsonObject, role: EventKind['role']): number | undefined {
  for (const path of timePaths(role)) {
    let value: unknown = payload;
    for (const name of path.split('.'))
      value =
        typeof value === 'object' && value !== null
          ? Object.getOwnPropertyDescriptor(value, name)?.value
          : undefined;
    const found = readInstant(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What an event is known by. */
export interface LakeKey {
  environment: string;
  type: string;
  id: string;
  correlationId: string;
}

/** An event as the lake keeps it. */
export interface LakeEvent {
  /** ISO 8601 in UTC with milliseconds, as `toISOString` writes it; its day is the folder that the line lies in */
  received: string;
  key: LakeKey;
  /** id of the root environment */
  root: string;
  event: object;
  /** of an imported event there is none */
  answer?: object;
  enrichment?: object;
  /** what the decision rested on, without the enrichment */
  evidence?: object;
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const begin = '{"received":"';

/**
 * An event as one line of JSON. The time of receipt and the key come first and in one order, so that lines sort, as texts,
 * in the order of receipt. Throws RangeError where the time of receipt is not in the form that this needs.
 */
export function lakeLine({ received, key, root, event, answer, enrichment, evidence }: LakeEvent): string {
  if (!instant.test(received)) throw new RangeError(`${JSON.stringify(received)} is no time of receipt.`);
  const { environment, type, id, correlationId } = key;
  return JSON.stringify({
    received,
    key: { environment, type, id, correlationId },
    root,
    event,
    answer,
    enrichment,
    evidence,
  });
}

/** The line's beginning: time of receipt and key, by which lines are ordered and told apart. */
export function headOf(line: string): string {
  // within a string of JSON its quotes would be escaped
  const end = line.indexOf('},"root":');
  if (end < 0 || !line.startsWith(begin)) throw new RangeError('This is no line of the lake.');
  return line.slice(0, end);
}

/** The key in a line's head. */
export function keyOf(head: string): LakeKey {
  const { key }: { key: LakeKey } = JSON.parse(`${head}}}`);
  return key;
}

/** Time of receipt of a line. */
export function receivedOf(line: string): string {
  return line.slice(begin.length, begin.length + 24);
}

/** The day on which an event of this time of receipt lies, e.g. `2026-11-21`. */
export function dayOf(received: string): string {
  return received.slice(0, 10);
}

import type { Fault } from './faults.ts';
import { readInstant } from './instant.ts';

/** A line of a file of past events (NDJSON). */
export interface EventLine {
  /** what kind of event it is, as the line says or its members show; not all are in `eventKinds` */
  type: string;
  /** as it was sent: to be read by its kind */
  body: object;
  /** when it was received, ms since 1970 */
  received?: number;
  correlationId?: string;
  /** all of the line, for what it says beside the event */
  line: object;
}

type Body = { readonly [name: string]: unknown };

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member in any letter case. */
function member(body: Body, name: string): unknown {
  const own = body[name];
  if (own !== undefined) return own;
  const folded = name.toLowerCase();
  return Object.entries(body).find(([key]) => key.toLowerCase() === folded)?.[1];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Members that only bodies of one type have, the most telling first. */
const signs: readonly (readonly [type: string, ...members: string[]])[] = [
  ['Label', 'labelObjectType'],
  ['Chargeback', 'chargebackId'],
  ['Refund', 'refundId'],
  ['BankEvent', 'bankEventId'],
  ['PurchaseStatus', 'purchaseId', 'statusType'],
  ['Verdict', 'purchaseId', 'isFraud'],
  ['Verdict', 'purchaseId', 'fraud'],
  ['Purchase', 'purchaseId'],
  ['SignUp', 'signUpId', 'user'],
  ['SignIn', 'signInId'],
  ['AccountLabel', 'label'],
];

/** The type that a bare body shows by its members. */
function typeOf(body: Body): string | undefined {
  const data = member(body, 'data');
  const inner = isObject(data) ? data : body;
  const found = signs.find(([, ...members]) => members.every((name) => member(inner, name) !== undefined));
  if (found) return found[0];
  const metadata = member(body, 'metadata');
  if (!isObject(metadata)) return undefined;
  if (member(metadata, 'signUpId') !== undefined) return 'AccountCreation';
  return member(metadata, 'loginId') === undefined ? undefined : 'AccountLogin';
}

function truth(value: unknown): boolean | undefined {
  const word = String(value).trim().toLowerCase();
  if (word === 'true' || word === '1') return true;
  return word === 'false' || word === '0' ? false : undefined;
}

/** The shortest label (a purchase's id and `isFraud`) as the label that it stands for; undefined where it says neither. */
function labelOf(body: Body): Body | undefined {
  const isFraud = truth(member(body, 'isFraud') ?? member(body, 'fraud'));
  if (isFraud === undefined) return undefined;
  return {
    labelObjectType: 'Purchase',
    labelObjectId: member(body, 'purchaseId'),
    labelSource: 'OfflineAnalysis',
    isFraud,
  };
}

function instantOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return readInstant(value);
}

const wrong = (path: string, message: string) => ({ ok: false as const, faults: [{ path, message }] });

/**
 * Reads a line: an event as Holdfast stores and exports it (`{ "key": { "type", "id", "correlationId" }, "received", "event", … }`,
 * or with the key's members at the root), in short (`{ "type", "received", "event" }`, also `receivedAt` and `payload`), a bare
 * request body, whose type its members show, or the shortest label, `{ "purchaseId", "isFraud", "received" }`. Times are ISO 8601 (UTC
 * where they name no offset) or milliseconds since 1970. The faults say what is wrong with the line.
 */
export function readEventLine(
  content: string,
): { ok: true; event: EventLine } | { ok: false; faults: Fault[] } {
  let line: unknown;
  try {
    line = JSON.parse(content);
  } catch {
    return wrong('', 'is no JSON');
  }
  if (!isObject(line)) return wrong('', 'is no JSON object');
  const inner = line.event ?? line.payload;
  const whole = isObject(inner);
  const body = whole ? inner : line;
  const key = isObject(line.key) ? line.key : whole ? line : {};
  const type = (whole ? text(key.type) : undefined) ?? typeOf(body);
  if (type === undefined) return wrong('', 'neither its type nor its members say what kind of event this is');
  const stated = line.received ?? line.receivedAt;
  const received = instantOf(stated);
  if (stated !== undefined && received === undefined)
    return wrong('received', 'is no time: ISO 8601, or milliseconds since 1970');
  const correlationId = whole ? text(key.correlationId) : undefined;
  const beside = {
    ...(received === undefined ? {} : { received }),
    ...(correlationId === undefined ? {} : { correlationId }),
    line,
  };
  if (type !== 'Verdict') return { ok: true, event: { type, body, ...beside } };
  const label = labelOf(body);
  return label
    ? { ok: true, event: { type: 'Label', body: label, ...beside } }
    : wrong('isFraud', 'expected true or false');
}

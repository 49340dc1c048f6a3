import { readInstant } from '../events/instant.ts';
import { decisionOf, fault, type Origin, type Staged, stage } from './staged.ts';

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

/** The shortest label (a purchase's id and `isFraud`) as the label that it stands for. */
function labelOf(body: Body): Body {
  const isFraud = truth(member(body, 'isFraud') ?? member(body, 'fraud'));
  return {
    labelObjectType: 'Purchase',
    labelObjectId: member(body, 'purchaseId'),
    labelSource: 'OfflineAnalysis',
    ...(isFraud === undefined ? {} : { isFraud }),
  };
}

/**
 * Reads a line: an event as Holdfast exports it (`{ "key": { "type", "id", "correlationId" }, "received", "event", "answer" }`, or
 * with the key's members at the root), in short (`{ "type", "received", "event" }`), a bare request body, or the shortest label,
 * `{ "purchaseId", "isFraud", "received" }`. The ids are worked out from the event again.
 */
export function readLine(line: string, origin: Origin, now: number): Staged {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return fault('', 'is no JSON');
  }
  if (!isObject(json)) return fault('', 'is no JSON object');
  const inner = json.event ?? json.payload;
  const body = isObject(inner) ? inner : json;
  const key = isObject(json.key) ? json.key : isObject(inner) ? json : {};
  const type = (isObject(inner) ? text(key.type) : undefined) ?? typeOf(body);
  if (type === undefined) return fault('', 'neither its type nor its members say what kind of event this is');
  const received = json.received ?? json.receivedAt;
  if (received !== undefined && !isInstant(received))
    return fault('received', 'is no time: ISO 8601, or milliseconds since 1970');
  if (type === 'Verdict' && truth(body.isFraud ?? body.fraud ?? member(body, 'isFraud')) === undefined)
    return fault('isFraud', 'expected true or false');
  return stage(
    type === 'Verdict' ? labelOf(body) : body,
    {
      type: type === 'Verdict' ? 'Label' : type,
      received,
      correlationId: isObject(inner) ? text(key.correlationId) : undefined,
      decision: decisionOf(json.answer),
    },
    origin,
    now,
  );
}

function isInstant(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : readInstant(value) !== undefined;
}

import { parseAccountCreation } from '../events/accountCreation.ts';
import { parseAccountLogin } from '../events/accountLogin.ts';
import type { JsonObject } from '../events/canonical.ts';
import { readInstant } from '../events/instant.ts';
import { parsePurchase } from '../events/purchase.ts';
import type { FeatureEvent } from './features/event.ts';
import { type Label, labelOf } from './labels.ts';
import { at, textAt } from './scorecardReads.ts';

/**
 * What one line of an NDJSON file of events or labels holds. `undated`: the label has no time; it counts as known from the end
 * of the file on. `nothing`: an event that is neither assessed nor a label (a status, an approval …).
 */
export type Line =
  | { kind: 'event'; event: FeatureEvent }
  | { kind: 'label'; label: Label; undated: boolean }
  | { kind: 'nothing' };

/** A line that cannot be read; the message says why. */
export class EventLineError extends Error {}

interface Assessed {
  type: string;
  id: readonly string[];
  parse(
    json: unknown,
  ): { ok: true; payload: JsonObject } | { ok: false; faults: { path: string; message: string }[] };
}

const assessed: Readonly<Record<string, Assessed>> = {
  purchase: { type: 'Purchase', id: ['purchaseId'], parse: parsePurchase },
  accountcreation: { type: 'AccountCreation', id: ['metadata', 'signUpId'], parse: parseAccountCreation },
  accountlogin: { type: 'AccountLogin', id: ['metadata', 'loginId'], parse: parseAccountLogin },
};

type Body = Record<string, unknown>;

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function instant(...candidates: unknown[]): number | undefined {
  for (const value of candidates) {
    const found = typeof value === 'number' && Number.isFinite(value) ? value : readInstant(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The type that a bare body shows by its members. */
function typeOf(body: Body): string | undefined {
  const has = (name: string) => body[name] !== undefined;
  if (has('labelObjectType') || has('label')) return 'Label';
  if (has('chargebackId')) return 'Chargeback';
  if (has('refundId')) return 'Refund';
  if (has('bankEventId')) return 'BankEvent';
  if (has('purchaseId') && has('statusType')) return 'PurchaseStatus';
  if (has('purchaseId') && (has('isFraud') || has('fraud'))) return 'Verdict';
  if (has('purchaseId')) return 'Purchase';
  if (at(body, 'metadata', 'signUpId') !== undefined) return 'AccountCreation';
  if (at(body, 'metadata', 'loginId') !== undefined) return 'AccountLogin';
  return undefined;
}

function truth(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === '1' || value === 'true') return true;
  return value === 0 || value === '0' || value === 'false' ? false : undefined;
}

/** The shortest label: a purchase's id, `isFraud`, and, where it is known, when that was found out. */
function verdict(body: Body, arrived: number): Label | undefined {
  const id = textAt(body, 'purchaseId');
  const fraud = truth(body.isFraud ?? body.fraud);
  if (id === undefined || fraud === undefined) return undefined;
  return { target: { kind: 'event', type: 'Purchase', id }, fraud, source: 'label', found: arrived, arrived };
}

function eventOf(kind: Assessed, body: Body, envelope: Body, arrived: number | undefined): Line {
  const { type, id: idPath } = kind;
  const parsed = kind.parse(body);
  if (!parsed.ok) {
    const [first] = parsed.faults;
    throw new EventLineError(`This is no ${type}: ${first?.path ?? ''} ${first?.message ?? ''}`);
  }
  const { payload } = parsed;
  const id = textAt(payload, ...idPath);
  if (id === undefined) throw new EventLineError(`This ${type} has no ${idPath.join('.')}.`);
  const stated = instant(
    arrived,
    at(payload, 'merchantLocalDate'),
    at(payload, '_metadata', 'merchantTimeStamp'),
    at(payload, 'metadata', 'merchantTimeStamp'),
    at(payload, 'customerLocalDate'),
  );
  if (stated === undefined)
    throw new EventLineError(`This ${type} says neither when it was received nor when it was made.`);
  return { kind: 'event', event: { type, id, at: stated, payload, ...knownOf(envelope) } };
}

const countryCode = 'deviceCountryCode';

/** What was known beside the event when it was assessed, where the line tells: as it is stored, as the lake has it, or in short. */
function knownOf(envelope: Body): Partial<FeatureEvent> {
  const evidence = at(envelope, 'evidence');
  const enrichment = at(envelope, 'enrichment') ?? at(evidence, 'enrichment');
  const deviceAttributes = textsOf(at(envelope, 'deviceAttributes') ?? at(enrichment, 'deviceAttributes'));
  const stated = (name: string) =>
    textAt(envelope, name) ?? textAt(enrichment, name) ?? textAt(evidence, 'scoring', name);
  const ipCountry = stated('ipCountry') ?? deviceAttributes?.[countryCode];
  const binCountry = stated('binCountry');
  const velocities = scorecardReads(at(evidence, 'reads'));
  return {
    ...(deviceAttributes ? { deviceAttributes } : {}),
    ...(ipCountry === undefined ? {} : { ipCountry }),
    ...(binCountry === undefined ? {} : { binCountry }),
    ...(velocities ? { velocities } : {}),
  };
}

function textsOf(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** The velocities that the scorecard read, from all reads of the assessment. */
function scorecardReads(reads: unknown): Record<string, number> | undefined {
  if (!Array.isArray(reads)) return undefined;
  return Object.fromEntries(
    reads.flatMap((read): [string, number][] => {
      const name = /^score\|(.*)$/s.exec(textAt(read, 'request', 'id') ?? '')?.[1];
      const value = at(read, 'answer', 'value');
      return name !== undefined && typeof value === 'number' ? [[name, value]] : [];
    }),
  );
}

/**
 * Reads one line: an event as Holdfast stores and exports it (`{ "key": { "type": … }, "received": …, "event": { … } }`), the same
 * in short (`{ "type": …, "received": …, "event": { … } }`, also `receivedAt` and `payload`), or a bare request body, whose type is
 * seen from its members and whose time is its own. A label may also be `{ "purchaseId": …, "isFraud": true, "received": … }`.
 * Times are ISO 8601 or milliseconds since 1970. Throws EventLineError.
 */
export function readEventLine(text: string): Line {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new EventLineError('This is no JSON.');
  }
  if (!isObject(json)) throw new EventLineError('This is no JSON object.');
  const inner = json.event ?? json.payload;
  const body = isObject(inner) ? inner : json;
  const type = isObject(inner)
    ? (textAt(json, 'key', 'type') ?? textAt(json, 'type') ?? typeOf(body))
    : typeOf(body);
  if (type === undefined)
    throw new EventLineError('This is no event: neither its type nor its members say which.');
  const received = instant(json.received, json.receivedAt);
  const known = assessed[type.toLowerCase()];
  if (known) return eventOf(known, body, json, received);
  const arrived = instant(
    received,
    body.eventTimeStamp,
    at(body, 'label', 'eventTimeStamp'),
    body.bankEventTimestamp,
    body.statusDate,
    at(body, '_metadata', 'merchantTimeStamp'),
    at(body, 'metadata', 'merchantTimeStamp'),
  );
  const label =
    type === 'Verdict'
      ? verdict(body, arrived ?? Number.MAX_SAFE_INTEGER)
      : labelOf({ type, arrived: arrived ?? Number.MAX_SAFE_INTEGER, payload: body });
  return label === undefined ? { kind: 'nothing' } : { kind: 'label', label, undated: arrived === undefined };
}

/** What files of lines hold, in their order. */
export interface Gathered {
  events: FeatureEvent[];
  labels: Label[];
  /** labels without a time of their own */
  undated: Label[];
  /** lines that cannot be read, counted from 1 in their file */
  faults: { line: number; message: string }[];
}

/** Reads lines (of a file, of the lake) into `into`; what cannot be read is noted and passed over. Empty lines are nothing. */
export async function gatherLines(lines: AsyncIterable<string>, into: Gathered): Promise<void> {
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text.trim() === '') continue;
    try {
      const line = readEventLine(text);
      if (line.kind === 'event') into.events.push(line.event);
      if (line.kind === 'label') (line.undated ? into.undated : into.labels).push(line.label);
    } catch (error) {
      if (!(error instanceof EventLineError)) throw error;
      into.faults.push({ line: number, message: error.message });
    }
  }
}

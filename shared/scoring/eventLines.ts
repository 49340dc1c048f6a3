import { readEventLine } from '../events/eventLine.ts';
import { ownTime } from '../events/eventTime.ts';
import { type Fault, kindNamed } from '../events/index.ts';
import type { FeatureEvent } from './features/event.ts';
import { type Label, labelOf } from './labels.ts';
import { modelEvents } from './model.ts';
import { at, textAt } from './scorecardReads.ts';

/**
 * What one line of an NDJSON file of events or labels holds. `undated`: the label has no time; it counts as known from the end
 * of the file on. `nothing`: an event that no model learns from and that is no label (a status, an approval …).
 */
export type Line =
  | { kind: 'event'; event: FeatureEvent }
  | { kind: 'label'; label: Label; undated: boolean }
  | { kind: 'nothing' };

/** Faults of a line that its message tells. */
const mostFaults = 3;

/** A line that cannot be read; the message says why. */
export class EventLineError extends Error {
  constructor(faults: readonly Fault[]) {
    super(
      faults
        .slice(0, mostFaults)
        .map(({ path, message }) => (path === '' ? message : `${path} ${message}`))
        .join('; '),
    );
  }
}

const learntFrom: ReadonlySet<string> = new Set(Object.values(modelEvents).flat());

const countryCode = 'deviceCountryCode';

/** What was known beside the event when it was assessed, where the line tells: as it is stored, as the lake has it, or in short. */
function knownOf(envelope: object): Partial<FeatureEvent> {
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
  if (typeof value !== 'object' || value === null) return undefined;
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

/** Reads one line (events/eventLine.ts has its forms) as training and scoring see it. Throws EventLineError. */
export function readTrainingLine(text: string): Line {
  const read = readEventLine(text);
  if (!read.ok) throw new EventLineError(read.faults);
  const { body, received, line } = read.event;
  const known = kindNamed(read.event.type);
  // of an assessment of the merchant's own
  if (!known) return { kind: 'nothing' };
  const { type, kind } = known;
  const parsed = kind.parse(body);
  if (!parsed.ok) throw new EventLineError(parsed.faults);
  const { payload, id } = parsed.event;
  const time = received ?? ownTime(payload, kind.role);
  if (!learntFrom.has(type)) {
    const label = labelOf({ type, arrived: time ?? Number.MAX_SAFE_INTEGER, payload });
    return label ? { kind: 'label', label, undated: time === undefined } : { kind: 'nothing' };
  }
  if (id === undefined) throw new EventLineError([{ path: '', message: `is a ${type} without an id` }]);
  if (time === undefined)
    throw new EventLineError([
      { path: '', message: 'says neither when it was received nor when it was made' },
    ]);
  return { kind: 'event', event: { type, id, at: time, payload, ...knownOf(line) } };
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
      const line = readTrainingLine(text);
      if (line.kind === 'event') into.events.push(line.event);
      if (line.kind === 'label') (line.undated ? into.undated : into.labels).push(line.label);
    } catch (error) {
      if (!(error instanceof EventLineError)) throw error;
      into.faults.push({ line: number, message: error.message });
    }
  }
}

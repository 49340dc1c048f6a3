import { z } from 'zod';
import type { EventKey } from '../assessment/eventKeys.ts';
import { identityOf } from '../assessment/identity.ts';
import { approval } from '../events/decision.ts';
import { ownTime, timePaths } from '../events/eventTime.ts';
import { type Decision, type Fault, kindNamed, type Link, type Subject } from '../events/index.ts';
import type { JsonObject } from '../fql/index.ts';

/** Where in the uploaded files an event stood. */
export interface Origin {
  /** place of the file in the import's list */
  file: number;
  /** from 1 */
  line: number;
}

/** An event that was read and validated, on its way into the store. */
export interface StagedEvent extends Origin {
  key: Omit<EventKey, 'environment'>;
  /** is the correlation id that of the file? */
  stated: boolean;
  /** ISO 8601 */
  received: string;
  event: JsonObject;
  /** of an assessment, where the file says what was decided */
  decision?: Decision;
  links: Link[];
  subjects: Subject[];
}

export type Staged = { ok: true; event: StagedEvent } | { ok: false; faults: Fault[] };

/** Largest event, in UTF-16 units of its JSON: what the API takes as well. */
const largestEvent = 256 * 1024;
/** What an export says beside the event has to fit into the same row: as an id, and a decision as JSON. */
const longestCorrelationId = 1024;
const largestDecision = 32 * 1024;
const dayMs = 86_400_000;
const earliest = Date.UTC(2000, 0, 1);

/** What a file says of an event beside it. */
interface Envelope {
  type: string;
  /** when it was received, ms since 1970 */
  received?: number;
  correlationId?: string;
  decision?: Decision | undefined;
}

/**
 * Validates one event. `now` is when the import was begun: no event is later. One that is, by a day at most (clocks that run
 * ahead, times without their offset), counts as of now, so that who asks for a deletion after that reaches it.
 */
export function stage(body: unknown, envelope: Envelope, origin: Origin, now: number): Staged {
  const known = kindNamed(envelope.type);
  if (!known) return fault('type', `is no type of event that can be imported: ${envelope.type.slice(0, 80)}`);
  const { type, kind } = known;
  const read = kind.parse(body);
  if (!read.ok) return read;
  const { payload, links, subjects } = read.event;
  if (JSON.stringify(payload).length > largestEvent) return fault('', 'is larger than 256 KiB');
  const { correlationId: given = '', decision } = envelope;
  if (given.length > longestCorrelationId)
    return fault('key.correlationId', `is longer than ${longestCorrelationId} characters`);
  if (decision && JSON.stringify(decision).length > largestDecision)
    return fault('answer', `has a decision of more than ${largestDecision / 1024} KiB`);
  const [usual = ''] = timePaths(kind.role);
  // a label without a time becomes known with the import
  const at = envelope.received ?? ownTime(payload, kind.role) ?? (kind.role === 'label' ? now : undefined);
  if (at === undefined) return fault(usual, `has no time: say it here, or as "received" of the line`);
  if (at > now + dayMs || at < earliest) {
    // a number may be no time at all, e.g. nanoseconds
    const shown = Number.isNaN(new Date(at).getTime()) ? String(at) : new Date(at).toISOString();
    return fault(usual, `the time of the event is ${shown}: before 2000 or ahead`);
  }
  const decided = kind.role !== 'assessment' || decision !== undefined;
  const stated = decided && given !== '';
  const identity = identityOf(read.event, envelope.correlationId);
  // what nobody decided must not be found as the answer to a live request
  const correlationId =
    kind.role === 'assessment' && !stated
      ? `import:${identityOf(read.event, undefined).correlationId}`
      : identity.correlationId;
  const key = { type, id: identity.id, correlationId };
  const received = new Date(Math.min(at, now)).toISOString();
  return {
    ok: true,
    event: {
      ...origin,
      key,
      stated,
      received,
      event: payload,
      ...(decision && kind.role === 'assessment' ? { decision } : {}),
      links,
      subjects,
    },
  };
}

/** Assessments first, then what labels may be about, then what belongs to them; each in the order of time and of the files. */
export function orderOf({ key, received, file, line }: StagedEvent): string {
  const role = kindNamed(key.type)?.kind.role;
  const phase = role === 'assessment' ? 0 : key.type === 'AccountUpdate' ? 1 : 2;
  return `${phase}|${received}|${String(file).padStart(4, '0')}|${String(line).padStart(12, '0')}`;
}

export function isStagedAssessment({ key }: Pick<StagedEvent, 'key'>): boolean {
  return kindNamed(key.type)?.kind.role === 'assessment';
}

export function fault(path: string, message: string): { ok: false; faults: Fault[] } {
  return { ok: false, faults: [{ path, message }] };
}

const names = z.array(z.string()).catch([]);
const score = z.int().min(0).max(999).catch(0);
const decisionSchema = z.object({
  decision: z.enum(['Approve', 'Reject', 'Review', 'Challenge']),
  challengeType: z.string().nullable().catch(null),
  reasons: names,
  supportMessages: names,
  rule: z.string().nullable().catch(null),
  clause: z.string().nullable().catch(null),
  riskScore: score,
  botScore: score,
  transactionReferenceId: z.string().optional().catch(undefined),
});

/** The decision that an export says was made; undefined where it says none. */
export function decisionOf(answer: unknown): Decision | undefined {
  const read = decisionSchema.safeParse(answer);
  if (!read.success) return undefined;
  const { transactionReferenceId = crypto.randomUUID(), ...decided } = read.data;
  return { ...undecided(transactionReferenceId), ...decided };
}

/** What stands for the decision of an assessment where nothing says what was decided. */
export function undecided(transactionReferenceId: string): Decision {
  return { ...approval('IMPORTED'), transactionReferenceId, deviceAttributes: {} };
}

import type { ExternalAssessment, Snapshot } from '../config/index.ts';
import type { CallTrace, External } from '../external/index.ts';
import type { Answer, Json, Request, RunInput } from '../fql/index.ts';
import { reasonOf } from '../problem.ts';
import type { Contribution, Velocities } from '../velocity/index.ts';
import type { Caller } from './externalAssessments.ts';
import type { EventKey } from './record.ts';

/** What is known without asking anybody: places of addresses, banks of cards. */
export type Tables = Required<Pick<RunInput, 'geo' | 'bin'>>;

/** Where answers come from. Each may fail; an assessment then goes on with the documented default and a diagnostic. */
export interface Sources extends Tables {
  velocities: Pick<Velocities, 'read'>;
  supportList(
    environment: string,
    list: string,
    key: string,
    now: number,
  ): Promise<{ status: string; reason?: string | undefined } | null>;
  /** Never throws: a failed call has its default response. */
  externalCall: External['invoke'];
  /** Never rejects: a failed call says so. */
  externalAssessment(
    definition: ExternalAssessment | undefined,
    request: Extract<Request, { kind: 'externalAssessment' }>,
    caller: Caller,
  ): Promise<Answer>;
  /** The score of the event at hand, for `Model.` functions. */
  model(model: 'risk' | 'bot', context: string | undefined): Promise<Json>;
}

/** One read that an assessment made, kept as evidence. */
export interface Read {
  request: Request;
  answer: Answer;
  /** of an external call: what its events hold beside the answer */
  trace?: CallTrace;
}

/** The memory of one assessment: nothing is fetched twice. */
export interface Reads extends Tables {
  /** The answer if it is there; lists that are in memory always are. */
  answer(request: Request): Answer | undefined;
  /**
   * Fetches what is missing, all at once, and with it what the updates of velocities that are likely to come have to know.
   * Never rejects: what fails is an answer that says so.
   */
  fetch(requests: readonly Request[], upcoming?: readonly Contribution[]): Promise<void>;
  /** All answers so far, in the order in which they came to be asked for. */
  made(): Read[];
}

/** The event that the reads are for; `now` is its clock, in ms. */
export interface About {
  key: EventKey;
  now: number;
  /** how many assessments called each other to come to this event; absent: none did */
  depth?: number;
}

/** Starts the memory of one assessment in the environment of `snapshot`. */
export function openReads(snapshot: Snapshot, sources: Sources, { key, now, depth = 0 }: About): Reads {
  const environments = new Map(snapshot.chain.map((environment) => [environment.id, environment]));
  const known = new Map<string, Read>();

  function remember(request: Request, answer: Answer, trace?: CallTrace): Answer {
    known.set(request.id, { request, answer, ...(trace ? { trace } : {}) });
    return answer;
  }

  function answer(request: Request): Answer | undefined {
    const read = known.get(request.id);
    if (read) return read.answer;
    if (request.kind !== 'list') return undefined;
    const row = environments
      .get(request.environment)
      ?.list(request.list)
      ?.lookup(request.column, request.key);
    return row === undefined ? undefined : remember(request, { value: row });
  }

  async function fetchVelocities(
    requests: (Request & { kind: 'velocity' })[],
    upcoming: readonly Contribution[],
  ): Promise<void> {
    const wanted = [];
    const asked = [];
    for (const request of requests) {
      const ref = environments.get(request.environment)?.velocity(request.name);
      if (!ref)
        remember(request, failed('velocity-unknown', `There is no velocity ${request.name} any more.`));
      else {
        wanted.push({ ref, key: request.key, window: request.window });
        asked.push(request);
      }
    }
    if (wanted.length === 0 && upcoming.length === 0) return;
    try {
      const values = await sources.velocities.read(snapshot.root, wanted, now, upcoming);
      asked.forEach((request, index) => {
        remember(request, { value: values[index] ?? 0 });
      });
    } catch (error) {
      for (const request of asked) remember(request, failed('velocity-failed', reasonOf(error)));
    }
  }

  async function one(request: Exclude<Request, { kind: 'velocity' | 'externalCall' }>): Promise<Answer> {
    switch (request.kind) {
      case 'supportList': {
        const entry = await sources.supportList(request.environment, request.list, request.key, now);
        return { value: entry && { status: entry.status, reason: entry.reason } };
      }
      case 'list': {
        const list = environments.get(request.environment)?.list(request.list);
        if (!list) return failed('list-unknown', `There is no list ${request.list} any more.`);
        return { value: await list.fetch(request.column, request.key) };
      }
      case 'model':
        return { value: await sources.model(request.model, request.context) };
      case 'externalAssessment':
        return sources.externalAssessment(
          environments.get(request.environment)?.externalAssessment(request.name),
          request,
          { key, snapshot, depth },
        );
    }
  }

  async function call(request: Request & { kind: 'externalCall' }): Promise<void> {
    const { environment, name, rule, clause } = request;
    const definition = environments.get(environment)?.externalCall(name);
    const context = { name, correlationId: key.correlationId, assessment: key.type, rule, clause };
    const { response, failed, diagnostics, trace } = await sources.externalCall(
      environment,
      definition,
      request.arguments,
      context,
    );
    const failure = failed && { code: `externalCall-${failed.code}`, message: failed.message };
    remember(request, { value: response, diagnostics, ...(failure ? { failed: failure } : {}) }, trace);
  }

  async function fetchOne(request: Exclude<Request, { kind: 'velocity' }>): Promise<void> {
    if (request.kind === 'externalCall') return call(request);
    remember(
      request,
      await one(request).catch((error) => failed(`${request.kind.toLowerCase()}-failed`, reasonOf(error))),
    );
  }

  return {
    geo: sources.geo,
    bin: sources.bin,
    answer,
    async fetch(requests, upcoming = []) {
      const missing = new Map<string, Request>();
      for (const request of requests) if (!answer(request)) missing.set(request.id, request);
      const velocities: (Request & { kind: 'velocity' })[] = [];
      const others: Promise<void>[] = [];
      for (const request of missing.values()) {
        if (request.kind === 'velocity') velocities.push(request);
        else others.push(fetchOne(request));
      }
      await Promise.all([fetchVelocities(velocities, upcoming), ...others]);
    },
    made: () => [...known.values()],
  };
}

function failed(code: string, message: string): Answer {
  return { failed: { code, message } };
}

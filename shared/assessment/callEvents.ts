import { type Traced, tracedOf } from '../external/index.ts';
import type { App } from './app.ts';
import type { Read } from './reads.ts';
import type { EventKey, StoredEvent } from './record.ts';

type Telling = Pick<App, 'calls' | 'config'>;

/**
 * Tells of the external calls that an event rests on, from its evidence: the same events under the same ids however often
 * it is done. Resolves when they are in the queue, which may take long; undefined where there were none.
 */
export function tellCalls(app: Telling, { key, answer, evidence }: StoredEvent): Promise<void> | undefined {
  return tellReads(app, key, answer.transactionReferenceId, evidence.reads);
}

/** The same of reads that no evidence holds; `id` stands for the attempt that made them. */
export function tellReads(
  app: Telling,
  key: EventKey,
  id: string,
  reads: readonly Read[],
): Promise<void> | undefined {
  const calls = reads.flatMap((read) => tracedRead(key, id, read));
  if (calls.length === 0) return undefined;
  return chainOf(app, key.environment).then((environments) =>
    app.calls.external.tell(calls.map((call) => ({ ...call, environments }))),
  );
}

function tracedRead(key: EventKey, attempt: string, { request, answer, trace }: Read): Traced[] {
  if (request.kind !== 'externalCall' || !trace || !answer.diagnostics) return [];
  const { rule, clause, name, id } = request;
  const about = {
    id: `${attempt}|${id}`,
    environments: [],
    call: name,
    correlationId: key.correlationId,
    assessment: key.type,
    rule,
    clause,
  };
  return [tracedOf(about, answer.diagnostics, trace)];
}

/** The environment and those above it; itself alone where it is gone. */
async function chainOf(app: Telling, environment: string): Promise<string[]> {
  try {
    const { chain } = await app.config.snapshot(environment);
    return chain.map(({ id }) => id).toReversed();
  } catch {
    return [environment];
  }
}

import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject } from '../fql/index.ts';
import { Problem } from '../problem.ts';
import type { App } from './app.ts';
import { tellCalls } from './callEvents.ts';
import { finish } from './finish.ts';
import type { EventKey, StoredEvent } from './record.ts';

/**
 * Runs the work of one event once in this process: repeats that come meanwhile share it. Throws a Problem 409 where
 * another event is under way under the same key.
 */
export async function once(
  app: Pick<App, 'running'>,
  key: EventKey,
  payload: JsonObject,
  work: () => Promise<StoredEvent>,
): Promise<StoredEvent> {
  const name = JSON.stringify(key);
  const running = app.running.get(name);
  if (running) {
    demandSame(running.payload, payload, key);
    return running.stored;
  }
  const stored = work();
  app.running.set(name, { payload, stored });
  try {
    return await stored;
  } finally {
    app.running.delete(name);
  }
}

/**
 * Step 6 of an assessment's path, and of an observation's: stores the event and applies what it adds to velocities. Gives
 * the event that has the key, which is another's where the same event was faster; that one is complete then too. Throws a
 * Problem: 409 where another event has the key, 503 where storage is out of reach.
 */
export async function record(app: App, made: StoredEvent): Promise<StoredEvent> {
  const stored = { ...made, received: timeToStore(made.received, app.clock()) };
  // calls were made, though no evidence will say so
  const tellAnyway = () => void tellCalls(app, stored)?.catch(() => {});
  const insertion = await app.records.insert(stored).catch((error: unknown) => {
    tellAnyway();
    throw error;
  });
  if (insertion.inserted) {
    app.usage.stored(stored);
    await finish(app, stored, insertion.expected);
    return stored;
  }
  tellAnyway();
  const { existing } = insertion;
  demandSame(existing.event, stored.event, existing.key);
  if (!(await app.records.isComplete(existing.key))) await finish(app, existing);
  return existing;
}

const longestWorkMs = 30_000;

/**
 * Followers, the lake and usage pass a time five minutes after it: an event that was worked on for long, in calls of its rules or
 * because its process stood still, is received when that is over. Storing it takes under four minutes more, or fails.
 */
function timeToStore(received: string, now: number): string {
  return now - Date.parse(received) > longestWorkMs ? new Date(now).toISOString() : received;
}

/** What says when and how an event was sent, which differs between tries of the same event. */
const ofSending: ReadonlySet<string> = new Set(['trackingId', 'merchantTimeStamp', 'timestamp']);

/** The event without what differs between tries of it. */
export function contentOf({ _metadata, metadata, ...rest }: JsonObject): JsonObject {
  if (metadata === undefined) return rest;
  return { ...rest, metadata: isJsonObject(metadata) ? withoutSending(metadata) : metadata };
}

function withoutSending(metadata: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !ofSending.has(name)));
}

function demandSame(known: JsonObject, sent: JsonObject, key: EventKey): void {
  // through JSON, since that is what was stored
  if (!isDeepStrictEqual(contentOf(known), contentOf(JSON.parse(JSON.stringify(sent)))))
    throw Problem.conflict(
      `Another ${key.type} with the id ${key.id} was received under the correlation id ${key.correlationId}; a changed event needs a new correlation id.`,
      { code: 'EventConflict' },
    );
}

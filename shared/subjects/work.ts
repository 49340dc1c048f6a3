import type { App } from '../assessment/app.ts';
import type { EventKey } from '../assessment/eventKeys.ts';
import { isImporting } from '../imports/index.ts';
import { Problem } from '../problem.ts';
import { encodeKey } from '../storage/index.ts';
import { eraseEvent, finishErasing } from './erase.ts';
import { completeIndex, eventsOf, type FoundEvent } from './find.ts';
import { openRequests, type SubjectRequest } from './requests.ts';

/** Events of one run of the queue's function, which has minutes at most; what is left is for the next. */
const slice = 200;
const atOnce = 8;

export interface WorkOptions {
  /**
   * A deletion begins so many ms after it was asked for: what was under way then is stored and in the index by that time (a
   * write is abandoned after 60 s, DESIGN.md), and no process writes of it later on. Default 90,000.
   */
  settleMs?: number;
  /** events of one run; default 200 */
  slice?: number;
}

interface Message {
  environment: string;
  id: string;
}

/** Sends a request on its way. */
export async function enqueue(
  app: App,
  { environment, id }: Message,
  visibleAfterSeconds = 0,
): Promise<void> {
  await app.storage
    .queue('subject-requests')
    .send(JSON.stringify({ environment, id }), { visibleAfterSeconds });
}

/**
 * Works on a request for a while. It may run again after any point at which a process died, and twice at once. Says after
 * how many seconds to go on; undefined: there is nothing left to do.
 */
export async function work(
  app: App,
  message: Message,
  options: WorkOptions = {},
): Promise<number | undefined> {
  const requests = openRequests(app.storage, app.clock);
  const request = await requests.get(message.environment, message.id).catch((error: unknown) => {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  });
  if (!request || request.status === 'Complete') return undefined;
  await completeIndex(app);
  return request.operation === 'Export'
    ? exportSome(app, request, options.slice ?? slice)
    : deleteSome(app, request, options);
}

async function deleteSome(
  app: App,
  request: SubjectRequest,
  options: WorkOptions,
): Promise<number | undefined> {
  const { environment, subject } = request;
  const wait = Date.parse(request.requested) + (options.settleMs ?? 90_000) - app.clock();
  if (wait > 0) return Math.ceil(wait / 1000);
  // its later chunks may bring more of the person
  if (await isImporting(app, environment)) return 60;
  await finishErasing(app, request);
  const found = await firstOf(eventsOf(app, environment, subject, request.requested), options.slice ?? slice);
  await removeFromLake(app, found);
  let erased = 0;
  for (let start = 0; start < found.length; start += atOnce)
    await Promise.all(
      found.slice(start, start + atOnce).map(async ({ key, received }) => {
        if (await eraseEvent(app, request, key)) erased++;
        // its row in the index outlived it
        else if (received !== undefined) await app.subjects.removeRow(subject, key, received);
      }),
    );
  const events = request.events + erased;
  const completed = new Date(app.clock()).toISOString();
  await openRequests(app.storage, app.clock).note(request, {
    events,
    ...(found.length === 0 ? { completed } : {}),
  });
  return found.length === 0 ? undefined : 0;
}

/** First of all, while the events are still there to say when they were received, should this process die. */
async function removeFromLake(app: App, found: readonly FoundEvent[]): Promise<void> {
  const events = await Promise.all(
    found.map(async ({ key, received }) => ({
      key,
      received: received ?? (await app.records.read(key))?.received,
    })),
  );
  await app.lake.remove(
    events.flatMap(({ key, received }) => (received === undefined ? [] : [{ key, received }])),
  );
}

async function firstOf(events: AsyncIterable<FoundEvent>, limit: number): Promise<FoundEvent[]> {
  const found: FoundEvent[] = [];
  for await (const event of events) {
    if (found.length >= limit) break;
    found.push(event);
  }
  return found;
}

const folder = ({ environment, id }: Message) => `${encodeKey(environment)}/${id}`;
const part = (request: Message, number: number) =>
  `${folder(request)}/${String(number).padStart(5, '0')}.ndjson`;

/** The events to export are listed once; each part of the file has a name that its place in the list gives. */
async function exportSome(app: App, request: SubjectRequest, size: number): Promise<number | undefined> {
  const blobs = app.storage.blobs('subject-exports');
  const requests = openRequests(app.storage, app.clock);
  const plan = `${folder(request)}/plan.json`;
  if (!(await blobs.read(plan))) {
    const found = await firstOf(
      eventsOf(app, request.environment, request.subject),
      Number.POSITIVE_INFINITY,
    );
    await blobs.write(plan, JSON.stringify(found.map(({ key }) => key)), {
      contentType: 'application/json',
      create: true,
    });
  }
  const listed = await blobs.read(plan);
  const keys: EventKey[] = listed ? JSON.parse(new TextDecoder().decode(listed.content)) : [];
  const start = request.events;
  const lines: string[] = [];
  for (const key of keys.slice(start, start + size)) {
    const stored = await app.records.read(key);
    // deleted meanwhile
    if (stored) lines.push(`${JSON.stringify(exported(stored))}\n`);
  }
  await blobs.write(part(request, Math.floor(start / size)), lines.join(''), {
    contentType: 'application/x-ndjson',
  });
  const events = Math.min(keys.length, start + size);
  if (events < keys.length) {
    await requests.note(request, { events });
    return 0;
  }
  await requests.note(request, { events, completed: new Date(app.clock()).toISOString() });
  return undefined;
}

type Stored = NonNullable<Awaited<ReturnType<App['records']['read']>>>;

/** Request, answer, and what was attached to them (DFP's "Transactional Data"). */
function exported({ key, received, event, answer, evidence }: Stored): object {
  return { ...key, received, event, answer, enrichment: evidence.enrichment, scores: evidence.scores };
}

/** The file of a complete export: one event a line. Throws a Problem: 404, 409 while it is pending. */
export async function exportedFile(app: App, environment: string, id: string): Promise<Uint8Array> {
  const request = await openRequests(app.storage, app.clock).get(environment, id);
  if (request.operation !== 'Export') throw Problem.notFound('A deletion has no file.');
  if (request.status !== 'Complete')
    throw Problem.conflict('The export is not complete yet.', { code: 'Pending' });
  const blobs = app.storage.blobs('subject-exports');
  const parts: Uint8Array[] = [];
  for await (const { name } of blobs.list(`${folder(request)}/`)) {
    if (!name.endsWith('.ndjson')) continue;
    const read = await blobs.read(name);
    if (read) parts.push(read.content);
  }
  return Buffer.concat(parts);
}

/** Deletes what has expired, and sends pending requests on their way again whose message was lost. */
export async function sweep(app: App): Promise<{ deleted: number; resumed: number }> {
  const requests = openRequests(app.storage, app.clock);
  const result = { deleted: 0, resumed: 0 };
  for await (const { environment, id } of requests.open()) {
    const request = await requests.get(environment, id).catch(() => undefined);
    if (request === undefined) {
      // ids begin with their time: what was just written down may not be in the log yet
      const age = app.clock() - (9_999_999_999_999 - Number(id.slice(0, 13)));
      if (age < 3_600_000) continue;
      const blobs = app.storage.blobs('subject-exports');
      for await (const { name } of blobs.list(`${folder({ environment, id })}/`)) await blobs.remove(name);
      await requests.forget(environment, id);
      result.deleted++;
    } else if (request.status === 'Pending' && app.clock() - Date.parse(request.requested) > 600_000) {
      await enqueue(app, { environment, id });
      result.resumed++;
    }
  }
  return result;
}

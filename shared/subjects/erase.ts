import type { App } from '../assessment/app.ts';
import { type EventKey, hash, ownKey, partitionOf, receiptOf } from '../assessment/eventKeys.ts';
import { type Remembered, rememberedEvent } from '../assessment/featureEvents.ts';
import { finish } from '../assessment/finish.ts';
import { forgetEvent } from '../assessment/labels.ts';
import type { StoredEvent } from '../assessment/record.ts';
import { encodeKey, joinText, type Operation, splitText } from '../storage/index.ts';

/** What has to be gone beside the event's own rows. */
interface Traces {
  stored: Pick<
    StoredEvent,
    | 'key'
    | 'root'
    | 'received'
    | 'event'
    | 'answer'
    | 'subjects'
    | 'links'
    | 'waitsFor'
    | 'imported'
    | 'spread'
  > &
    Remembered;
  evidenceBlob?: string;
  /** the assessment that lists it among its later events */
  assessment?: EventKey;
}

/**
 * Deletes an event with everything that tells of it: its row, evidence and answer, what it belongs to and what belongs to it
 * as far as that is listed, its rows in the index of data subjects. What it added to velocities stays, as a number of nobody;
 * its receipt stays as a time, so that usage still counts. A note of what is to be done is written first, so that a process
 * that comes after one that died can go on (`finishErasing`). Says whether the event was there.
 */
export async function eraseEvent(app: App, request: Place, key: EventKey): Promise<boolean> {
  const events = app.storage.table('events');
  const row = await events.read(partitionOf(key), `e|${ownKey(key)}`);
  const known = await app.records.read(key);
  if (!row || !known) return false;
  // velocities would otherwise never hear of it
  if (!(await app.records.isComplete(key))) await finish(app, known, true);
  // what this process still writes of it in the background
  await app.subjects.settled();
  const { root, received, event, answer, subjects, links, waitsFor, imported, spread } = known;
  const { deviceAttributes } = rememberedEvent(known);
  const assessment = known.assessment ?? (await app.later.attachment(key))?.assessment;
  const traces: Traces = {
    stored: {
      key,
      root,
      received,
      event,
      answer,
      evidence: { enrichment: { deviceAttributes } },
      ...(subjects ? { subjects } : {}),
      ...(links ? { links } : {}),
      ...(waitsFor ? { waitsFor } : {}),
      ...(imported ? { imported } : {}),
      ...(spread === undefined ? {} : { spread }),
    },
    ...(typeof row.evidenceBlob === 'string' ? { evidenceBlob: row.evidenceBlob } : {}),
    ...(assessment ? { assessment } : {}),
  };
  const note = noteOf(request, key);
  await app.storage.table('subjectRequests').put({ ...note, ...splitText('traces', JSON.stringify(traces)) });
  await eraseTraces(app, note, traces);
  return true;
}

/** Which request an event is deleted for. */
export interface Place {
  environment: string;
  id: string;
}

/** Goes on with what a process left that died. */
export async function finishErasing(app: App, request: Place): Promise<void> {
  const prefix = `j|${request.id}`;
  const table = app.storage.table('subjectRequests');
  for await (const row of table.range(encodeKey(request.environment), {
    from: `${prefix}|`,
    before: `${prefix}}`,
  })) {
    const { partitionKey, rowKey } = row;
    await eraseTraces(app, { partitionKey, rowKey }, JSON.parse(joinText('traces', row) ?? '{}'));
  }
}

function noteOf({ environment, id }: Place, key: EventKey) {
  return { partitionKey: encodeKey(environment), rowKey: `j|${id}|${hash(JSON.stringify(key))}` };
}

async function eraseTraces(
  app: App,
  note: { partitionKey: string; rowKey: string },
  { stored, evidenceBlob, assessment }: Traces,
): Promise<void> {
  const events = app.storage.table('events');
  const { key, received, waitsFor, imported } = stored;
  const partitionKey = partitionOf(key);
  const own = ownKey(key);

  if (waitsFor) await app.later.giveUp(key, waitsFor);
  if (assessment)
    await events.remove(
      partitionOf(assessment),
      `x|${ownKey(assessment)}|${received}|${hash(JSON.stringify(key))}`,
    );
  for await (const { rowKey } of events.range(partitionKey, { from: `x|${own}|`, before: `x|${own}}` }))
    await events.remove(partitionKey, rowKey);
  await events.remove(partitionKey, `a|${own}`);
  await app.subjects.remove(stored);

  const latest = await events.read(partitionKey, `l|${encodeKey(key.id)}`);
  const isLatest = latest?.event === `e|${own}`;
  const receipt = { partitionKey, rowKey: receiptOf(key, received) };
  const operations: Operation[] = [
    // imported events have none: they do not count as usage
    ...(imported ? [] : [{ kind: 'put' as const, row: { ...receipt, deleted: true } }]),
    ...(isLatest
      ? [{ kind: 'remove' as const, partitionKey, rowKey: latest.rowKey, etag: latest.etag }]
      : []),
  ];
  if (operations.length > 0) await events.transact(operations);
  await app.later.unname(key);
  await forgetEvent(app, stored);
  await events.remove(partitionKey, `p|${own}`);
  await events.remove(partitionKey, `e|${own}`);
  if (evidenceBlob !== undefined) await app.storage.blobs('evidence').remove(evidenceBlob);
  await app.storage.table('subjectRequests').remove(note.partitionKey, note.rowKey);
}

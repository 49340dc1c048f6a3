import { setTimeout as pause } from 'node:timers/promises';
import { covers, type Label, labelOf, settle, wins } from '../scoring/index.ts';
import { encodeKey, joinText, type Row, splitText, type Table } from '../storage/index.ts';
import type { App } from './app.ts';
import { type EventKey, ownKey, partitionOf } from './eventKeys.ts';
import { isRemembered, type Remembered, rememberedEvent } from './featureEvents.ts';
import type { StoredEvent } from './record.ts';

/*
 * What is known of events, in table `events` (record.ts has the partitions):
 * - `f|id`: in the partition of an event that labels name, whether it is there yet or not: the finding that counts; point read by a
 *   further event with the id
 * - `s|id and correlation id`: the standing of an event, written where a label reaches it; point read by the next label. Its
 *   `changes` count how often it became known as fraud or that was taken back, in turn; each is counted in the event's histories
 *   under its own marker, so that whoever comes first, or again, counts it once.
 *
 * Labels are taken in while they are recorded, before they are answered, and not by a follower behind it: what was answered is
 * known to the next event, as it is in training, where a label counts from its receipt on. Events of users, payment instruments and mail
 * addresses that are labelled as such are found by the histories of these (shared/scoring/historyStore.ts).
 */

type Parts = Pick<App, 'storage' | 'records' | 'scoring'>;

/** Events of one label that are worked on at once. */
const atOnce = 8;
const tries = 30;

/** What a stored event says of fraud, if it says anything. */
export function labelIn({ key, received, event }: Pick<StoredEvent, 'key' | 'received' | 'event'>) {
  return labelOf({ type: key.type, arrived: Date.parse(received), payload: event });
}

/** Takes a label in: the events that it reaches stand as it says, unless a better one says otherwise. May be repeated. */
export async function takeLabel(
  app: Parts,
  { root, environment }: { root: string; environment: string },
  label: Label,
): Promise<void> {
  const { target } = label;
  if (target.kind === 'event') {
    if (!isRemembered(target.type)) return;
    const finding = await noteFinding(app, environment, target, label);
    for await (const stored of app.records.ofId(environment, target.type, target.id))
      await settleEvent(app, stored, [finding]);
    return;
  }
  const keys = await app.scoring.histories.labelEntity(root, label);
  const settleOne = async (name: string) => {
    const stored = await app.records.read(JSON.parse(name));
    if (stored && covers(target, Date.parse(stored.received))) await settleEvent(app, stored, [label]);
  };
  for (let start = 0; start < keys.length; start += atOnce)
    await Promise.all(keys.slice(start, start + atOnce).map(settleOne));
}

/**
 * Counts an event in its histories, and in them what labels that came before it say. `expected`: its id was known, so that labels
 * may have named it. May be repeated.
 */
export async function rememberEvent(app: Parts, stored: StoredEvent, expected: boolean): Promise<void> {
  const { key, root, spread } = stored;
  const [ofEntities, finding] = await Promise.all([
    app.scoring.histories.observe(root, JSON.stringify(key), rememberedEvent(stored), spread),
    expected ? findingOf(app, key) : undefined,
  ]);
  const labels = finding ? [...ofEntities, finding.label] : ofEntities;
  if (labels.length > 0) await settleEvent(app, stored, labels);
}

/** What is known of an event: the label that stands; undefined where no label reached it. */
export async function standingOf(app: Pick<App, 'storage'>, key: EventKey): Promise<Label | undefined> {
  return (await readStanding(app.storage.table('events'), key))?.label;
}

/**
 * Forgets an event that is there no more: its name in histories, its standing, what is known of its id unless another event has that,
 * and what it said as a label of events that never came, or of events to come. May be repeated.
 */
export async function forgetEvent(
  app: Parts,
  stored: Remembered & Pick<StoredEvent, 'root' | 'spread'>,
): Promise<void> {
  const { key, root, spread } = stored;
  if (isRemembered(key.type))
    await app.scoring.histories.forget(root, JSON.stringify(key), rememberedEvent(stored), spread);
  await app.storage.table('events').remove(partitionOf(key), `s|${ownKey(key)}`);
  await forgetFinding(app, key);
  const label = labelIn(stored);
  if (!label) return;
  const { target } = label;
  if (target.kind === 'event') await forgetFinding(app, { ...target, environment: key.environment });
  else await app.scoring.histories.forgetLabel(root, label);
}

async function forgetFinding(app: Parts, key: Pick<EventKey, 'environment' | 'type' | 'id'>): Promise<void> {
  if (await app.records.latest(key.environment, key.type, key.id)) return;
  await app.storage.table('events').remove(partitionOf(key), `f|${encodeKey(key.id)}`);
}

interface Finding {
  label: Label;
  etag: string;
}

async function findingOf(
  app: Parts,
  key: Pick<EventKey, 'environment' | 'type' | 'id'>,
): Promise<Finding | undefined> {
  const row = await app.storage.table('events').read(partitionOf(key), `f|${encodeKey(key.id)}`);
  const text = row && joinText('label', row);
  return row && text !== undefined ? { label: JSON.parse(text), etag: row.etag } : undefined;
}

/** Notes what an event's id stands for, so that it reaches events to come, and gives the label that counts. */
async function noteFinding(
  app: Parts,
  environment: string,
  { type, id }: { type: string; id: string },
  label: Label,
): Promise<Label> {
  const key = { environment, type, id };
  return againstOthers(async () => {
    const known = await findingOf(app, key);
    if (known && !wins(label, known.label)) return { done: known.label };
    const row: Row = {
      partitionKey: partitionOf(key),
      rowKey: `f|${encodeKey(id)}`,
      ...splitText('label', JSON.stringify(label)),
    };
    return { done: label, written: await write(app.storage.table('events'), row, known?.etag) };
  });
}

interface Standing {
  label: Label;
  changes: number;
  /** how many of the changes are in the histories */
  counted: number;
  etag: string;
}

async function readStanding(table: Table, key: EventKey): Promise<Standing | undefined> {
  const row = await table.read(partitionOf(key), `s|${ownKey(key)}`);
  const text = row && joinText('label', row);
  if (!row || text === undefined) return undefined;
  const { changes, counted, etag } = row;
  return { label: JSON.parse(text), changes: Number(changes), counted: Number(counted), etag };
}

/** The event's standing after these labels, and its histories in line with that. */
async function settleEvent(app: Parts, stored: StoredEvent, labels: readonly Label[]): Promise<void> {
  const table = app.storage.table('events');
  const { key, root } = stored;
  const keys = { partitionKey: partitionOf(key), rowKey: `s|${ownKey(key)}` };
  const { changes, counted } = await againstOthers(async () => {
    const known = await readStanding(table, key);
    let standing = known?.label;
    let changes = known?.changes ?? 0;
    for (const label of labels) {
      const settled = settle(standing, label);
      standing = settled.standing;
      changes += Math.abs(settled.frauds);
    }
    const counted = known?.counted ?? 0;
    const done = { changes, counted };
    if (standing === known?.label) return { done };
    const row = { ...keys, ...splitText('label', JSON.stringify(standing)), changes, counted };
    return { done, written: await write(table, row, known?.etag) };
  });
  if (changes === counted) return;
  const event = rememberedEvent(stored);
  // frauds and their taking back alternate, so that a change's number says which it is
  for (let change = counted + 1; change <= changes; change++)
    await app.scoring.histories.label(
      root,
      `${JSON.stringify(key)}|${change}`,
      event,
      change % 2 === 1 ? 1 : -1,
    );
  // who is overtaken here leaves it to the other, who counts what is counted already without effect
  const now = await readStanding(table, key);
  if (now?.changes === changes) await table.merge({ ...keys, counted: changes }, now.etag);
}

function write(table: Table, row: Row, etag: string | undefined) {
  return etag === undefined ? table.insert(row) : table.put(row, etag);
}

/** Does a conditional write again until nobody else was faster. */
async function againstOthers<T>(attempt: () => Promise<{ done: T; written?: { ok: boolean } }>): Promise<T> {
  for (let count = 1; ; count++) {
    const { done, written } = await attempt();
    if (written === undefined || written.ok) return done;
    if (count === tries) throw new Error('Labels of one event come too fast to be settled.');
    await pause(Math.random() * 10 * count);
  }
}

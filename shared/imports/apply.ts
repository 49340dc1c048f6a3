import { all } from '../all.ts';
import type { App } from '../assessment/app.ts';
import { isRemembered, rememberedEvent } from '../assessment/featureEvents.ts';
import { finish, laterOf } from '../assessment/finish.ts';
import { labelIn, rememberEvent, takeLabel } from '../assessment/labels.ts';
import { lakeEventOf } from '../assessment/lakeWriter.ts';
import type { StoredEvent } from '../assessment/record.ts';
import { dayOf, lakeLine } from '../lake/index.ts';
import { insertAll } from './insert.ts';
import { forEachAtOnce, mapAtOnce } from './pool.ts';
import { prepare } from './prepare.ts';
import { isStagedAssessment, type StagedEvent } from './staged.ts';
import type { Import } from './store.ts';

const preparedAtOnce = 48;
const countedAtOnce = 48;
const attachedAtOnce = 48;
const lakeFilesAtOnce = 8;

export interface Applied {
  imported: number;
  duplicates: number;
}

/**
 * Imports the events of one chunk. Every step may be done again, with the same chunk: an event is stored once, is known by its
 * place in the files when it comes again, and then counts as it was stored.
 */
export async function applyChunk(
  app: App,
  from: Pick<Import, 'environment' | 'id' | 'created'>,
  chunk: number,
  events: readonly StagedEvent[],
): Promise<Applied> {
  const { environment, id } = from;
  const applied: Applied = { imported: 0, duplicates: 0 };
  const [assessments, others] = [
    events.filter(isStagedAssessment),
    events.filter((one) => !isStagedAssessment(one)),
  ];
  const snapshot = await app.config.snapshot(environment);
  for (const some of [assessments, others]) {
    if (some.length === 0) continue;
    const prepared = await mapAtOnce(some, preparedAtOnce, async (staged) => ({
      staged,
      stored: await prepare(app, snapshot, staged, from),
    }));
    const outcomes = await insertAll(
      app.storage.table('events'),
      prepared.map(({ staged, stored }) => ({
        stored,
        yields: isStagedAssessment(staged) && !staged.stated,
      })),
    );
    const stored = outcomes.flatMap((outcome) => (outcome.known ? [] : [outcome]));
    applied.imported += stored.length;
    applied.duplicates += outcomes.length - stored.length;
    const whole = stored.map((one) => one.stored);
    await writeLake(app, id, chunk, whole);
    await app.subjects.writeAll(whole);
    await app.later.listAll(
      whole.flatMap((one) => (one.assessment ? [{ assessment: one.assessment, later: laterOf(one) }] : [])),
    );
    await countAll(app, snapshot.root, whole);
    await remember(app, snapshot.root, whole);
    const meeting = stored.filter((one) => one.expected || one.stored.waitsFor);
    const alone = stored.filter((one) => !one.expected && !one.stored.waitsFor);
    await forEachAtOnce(alone, attachedAtOnce, async ({ stored: one }) => {
      const label = labelIn(one);
      if (label) await takeLabel(app, { root: one.root, environment }, label);
    });
    await forEachAtOnce(meeting, attachedAtOnce, (one) => finish(app, one.stored, true));
  }
  return applied;
}

/** What the events add to velocities: all of one key together, so that many go into one write. */
async function countAll(app: App, root: string, events: readonly StoredEvent[]): Promise<void> {
  const parts = events.flatMap(({ key, contributions }) =>
    [...Map.groupBy(contributions, place)].map(([at, own]) => ({ at, event: JSON.stringify(key), own })),
  );
  const byPlace = Map.groupBy(parts, ({ at }) => at);
  await forEachAtOnce(byPlace.values(), countedAtOnce, async (own) => {
    await all(own.map((part) => app.velocities.apply(root, part.event, part.own)));
  });
}

/** Counts the events in the histories that models look at, and there what labels that came before them say. */
async function remember(app: App, root: string, events: readonly StoredEvent[]): Promise<void> {
  const remembered = events.filter(({ key }) => isRemembered(key.type));
  const named = remembered.map((stored) => ({ stored, key: JSON.stringify(stored.key) }));
  const labels = await app.scoring.histories.observeAll(
    root,
    named.map(({ stored, key }) => ({ key, event: rememberedEvent(stored) })),
  );
  const reached = named.filter(({ key }) => labels.has(key));
  await forEachAtOnce(reached, attachedAtOnce, ({ stored }) => rememberEvent(app, stored, false));
}

/** Contributions to the same place are applied in one write, behind one marker of the event. */
const place = ({ key, shard }: StoredEvent['contributions'][number]) => `${shard}|${key}`;

/** One file for each type and day of the chunk; its name is that of the chunk, so that it is written over, never beside. */
async function writeLake(
  app: Pick<App, 'lake'>,
  id: string,
  chunk: number,
  events: readonly StoredEvent[],
): Promise<void> {
  const files = Map.groupBy(events, ({ key, received }) => `${dayOf(received)}|${key.type}`);
  await forEachAtOnce(files.values(), lakeFilesAtOnce, async (own) => {
    const [first] = own;
    if (!first) return;
    const { environment, type } = first.key;
    await app.lake.write(
      { environment, type, day: dayOf(first.received) },
      `import-${id}-${chunk}`,
      own.map(lineOf),
      // deleted before: it is there again, by what was just stored
      { anew: true },
    );
  });
}

/** Where nothing says what was decided, the lake has no answer. */
function lineOf(stored: StoredEvent): string {
  const { answer, ...event } = lakeEventOf(stored);
  const undecided = 'reasons' in stored.answer && stored.answer.reasons[0] === 'IMPORTED';
  return lakeLine(undecided ? event : { ...event, ...(answer ? { answer } : {}) });
}

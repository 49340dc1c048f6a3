import type { App } from '../assessment/app.ts';
import { requestTraining } from '../retraining/index.ts';
import { type ModelKind, modelEvents } from '../scoring/index.ts';
import { applyChunk } from './apply.ts';
import { joinRows } from './csv/join.ts';
import { leaveAll } from './insert.ts';
import { mapAtOnce } from './pool.ts';
import { FilesError, type JoinRow, lookAt, type OpenFile, readUnit, stagedItem } from './read.ts';
import { type Keyed, type Merged, mergeRuns, runBytes, writeRun } from './runs.ts';
import type { StagedEvent } from './staged.ts';
import { type Import, type Imports, names, piecesOf } from './store.ts';
import type { Piece } from './storedFile.ts';
import { type ImportStage, keptFaults, type Progress, type RecordFault, shownFaults } from './types.ts';

const modelKinds: readonly ModelKind[] = ['risk', 'bot'];

/** What the steps of one worker share. */
export interface Session {
  app: App;
  imports: Imports;
  one: Import;
  progress: Progress;
  /** writes how far it is; throws where another worker has it */
  save(): Promise<void>;
  /** events on their way, where a worker imports one chunk after the other */
  events?: AsyncGenerator<Merged>;
  /** the file that is being read, where a worker reads one unit after the other */
  open?: OpenFile | undefined;
  pieces?: Piece[][];
}

/**
 * Events of a chunk, and bytes of it: what is redone after a crash, and lies in memory at once. The more there are, the fewer
 * writes, since what they add to the same row goes into it together; but a chunk must fit into the time that an instance has.
 */
const [fewestEvents, mostEvents] = [1_000, 20_000];
const chunkMs = 60_000;
/** All runs are merged at once: what is read of them lies in memory, and how far they were read is written with each chunk. */
const mostRuns = 4_000;
const chunkBytes = 24 * 1024 * 1024;

/** Files whose beginnings lie in memory at once, some megabytes each. */
const lookedAtOnce = 8;

/** Does the next piece of the work; a piece takes seconds, and may be done again. */
export async function step(session: Session): Promise<void> {
  const { progress, one } = session;
  if (progress.givenUp !== undefined) await leaveChunk(session, progress.givenUp);
  else if (progress.stage === 'Reading') await read(session);
  else if (progress.stage === 'Joining') await join(session);
  else if (progress.stage === 'Importing') await importChunk(session);
  else await requestModels(session);
  if (
    progress.outcome === undefined &&
    progress.stage === 'Importing' &&
    one.dryRun &&
    progress.apply.chunk === 0
  )
    end(progress, 'Validated');
}

/** Asks for the models that learn from events of the types that were imported; they are trained behind the import. */
async function requestModels({ app, one, progress }: Session): Promise<void> {
  const kinds = modelKinds.filter((kind) => modelEvents[kind].some((type) => progress.types[type]));
  const { root } = await app.config.snapshot(one.environment);
  for (const kind of kinds) await requestTraining(app, { root, kind }, `import ${one.id}`);
  progress.training =
    kinds.length > 0
      ? `Training was asked for: ${kinds.join(', ')}. GET …/models shows what comes of it.`
      : 'There is no model of events like these.';
  end(progress, 'Completed');
}

/** Sets what became of the import. */
export function end(progress: Progress, outcome: NonNullable<Progress['outcome']>, reason?: string): void {
  progress.outcome = outcome;
  if (reason !== undefined) progress.reason = reason;
}

function enter(progress: Progress, stage: ImportStage): void {
  progress.stage = stage;
  progress.workedMs = 0;
}

/** The pieces of each file. */
async function filesOf(session: Session): Promise<Piece[][]> {
  const { imports, one } = session;
  session.pieces ??= await Promise.all(one.request.files.map((_, index) => piecesOf(imports, one, index)));
  return session.pieces;
}

async function read(session: Session): Promise<void> {
  const { imports, one, progress } = session;
  const { blobs } = imports;
  const { files, mapping } = one.request;
  const pieces = await filesOf(session);
  if (progress.shapes.length === 0) {
    const looks = await mapAtOnce([...files.entries()], lookedAtOnce, async ([index, { name }]) => {
      try {
        return { shape: await lookAt(blobs, pieces[index] ?? [], name, mapping) };
      } catch (error) {
        if (error instanceof FilesError) return error;
        throw error;
      }
    });
    const faults = looks.flatMap((look) => (look instanceof FilesError ? look.faults : []));
    if (faults.length > 0) throw new FilesError(faults);
    progress.shapes = looks.flatMap((look) => (look instanceof FilesError ? [] : [look.shape]));
    return;
  }
  const unit = await readUnit(
    blobs,
    files.map(({ name }, index) => ({
      name,
      pieces: pieces[index] ?? [],
      shape: progress.shapes[index] ?? { gzip: false },
    })),
    { read: progress.read, mapping, now: Date.parse(one.created), open: session.open },
  );
  session.open = unit.open;
  if (unit.rows.length > 0) {
    progress.rowBytes += bytesOf(unit.rows);
    await writeRun(blobs, names.run(one, 'rows', progress.joinRuns), unit.rows);
    progress.joinRuns++;
  }
  await keep(session, unit.events, unit.staged, unit.faults);
  progress.records.read += unit.records;
  progress.records.rejected += unit.rejected;
  progress.read = unit.read;
  if (progress.runs + progress.joinRuns > mostRuns) {
    const name = files[unit.read.file]?.name ?? '';
    const message = `up to here it is more than the ${Math.floor((mostRuns * runBytes) / 1e9)} GB of unpacked events that an import sorts; make several`;
    throw new FilesError([{ file: name, line: unit.read.line, path: '', message }]);
  }
  if (!unit.done) return;
  if (progress.joinRuns > 0) enter(progress, 'Joining');
  else validated(session);
}

const bytesOf = (items: readonly Keyed[]) =>
  items.reduce((sum, { key, text }) => sum + Buffer.byteLength(key) + Buffer.byteLength(text) + 2, 0);

/** Keeps staged events as a run, sums them up, and notes faults. */
async function keep(
  { imports, one, progress }: Session,
  events: Keyed[],
  staged: readonly Pick<StagedEvent, 'key' | 'received'>[],
  faults: readonly RecordFault[],
): Promise<void> {
  const kept = faults.slice(0, keptFaults - progress.kept);
  if (kept.length > 0) {
    progress.kept += kept.length;
    const lines = kept.map((fault) => `${JSON.stringify(fault)}\n`).join('');
    // as many were rejected before: the same name when it is done again, another for each piece
    await imports.blobs.write(names.faultPart(one, progress.stage, progress.records.rejected), lines, {
      contentType: 'application/x-ndjson',
    });
    progress.faults.push(...kept.slice(0, Math.max(0, shownFaults - progress.faults.length)));
  }
  if (events.length > 0) {
    await writeRun(imports.blobs, names.run(one, 'events', progress.runs), events);
    progress.runs++;
  }
  progress.events.all += staged.length;
  for (const { key, received } of staged) {
    const known = progress.types[key.type];
    if (!known) progress.types[key.type] = { events: 1, first: received, last: received };
    else {
      known.events++;
      if (received < known.first) known.first = received;
      if (received > known.last) known.last = received;
    }
  }
}

const groupOf = (key: string) => key.replace(/\|\d\|\d{4}\|\d{12}$/, '');

async function join(session: Session): Promise<void> {
  const { imports, one, progress } = session;
  const runs = Array.from({ length: progress.joinRuns }, (_, number) => names.run(one, 'rows', number));
  const events: Keyed[] = [];
  const staged: StagedEvent[] = [];
  const faults: RecordFault[] = [];
  let size = 0;
  let rejected = 0;
  let group: { name: string; rows: JoinRow[]; offsets: number[] } | undefined;
  const now = Date.parse(one.created);
  const finishGroup = () => {
    if (!group) return;
    for (const { file, line, staged: result } of joinRows(group.rows, now)) {
      if (result.ok) {
        const item = stagedItem(result.event);
        events.push(item);
        staged.push(result.event);
        size += item.text.length;
      } else {
        rejected++;
        const name = one.request.files[file]?.name ?? '';
        for (const { path, message } of result.faults) faults.push({ file: name, line, path, message });
      }
    }
    progress.joinOffsets = group.offsets;
    group = undefined;
  };
  let whole = true;
  for await (const item of mergeRuns(imports.blobs, runs, progress.joinOffsets)) {
    const name = groupOf(item.key);
    if (group?.name !== name) {
      finishGroup();
      if (size >= runBytes || faults.length >= 50_000) {
        whole = false;
        break;
      }
      group = { name, rows: [], offsets: [] };
    }
    group.rows.push(JSON.parse(item.text));
    group.offsets = item.offsets();
  }
  finishGroup();
  await keep(session, events, staged, faults);
  progress.records.rejected += rejected;
  if (whole) validated(session);
}

/** All is read: is it good enough to be imported? */
function validated({ one, progress }: Session): void {
  const { read: all, rejected } = progress.records;
  const { rejectedShare } = one.request;
  enter(progress, 'Importing');
  if (progress.events.all === 0)
    end(progress, 'Failed', 'There is no event in the files that can be read. Nothing was imported.');
  else if (rejected > rejectedShare * all)
    end(
      progress,
      'Failed',
      `${rejected} of ${all} records cannot be read, which is more than the share of ${rejectedShare} that is allowed. Nothing was imported.`,
    );
}

/** The events of the chunk at hand, and where the one behind it begins; without any, all are imported. */
async function nextChunk(session: Session): Promise<{ events: StagedEvent[]; offsets?: number[] }> {
  const { imports, one, progress } = session;
  const { apply } = progress;
  const runs = Array.from({ length: progress.runs }, (_, number) => names.run(one, 'events', number));
  session.events ??= mergeRuns(imports.blobs, runs, apply.offsets);
  const events: StagedEvent[] = [];
  let bytes = 0;
  let offsets: number[] | undefined;
  while (events.length < apply.size && bytes < chunkBytes) {
    const next = await session.events.next();
    if (next.done) break;
    events.push(JSON.parse(next.value.text));
    bytes += next.value.text.length;
    offsets = next.value.offsets();
  }
  return offsets ? { events, offsets } : { events };
}

/** Ends an import that is given up in the middle of a chunk. */
async function leaveChunk(session: Session, reason: string): Promise<void> {
  const { events } = await nextChunk(session);
  await leaveAll(session.app, session.one, events);
  end(session.progress, 'Failed', reason);
}

async function importChunk(session: Session): Promise<void> {
  const { app, one, progress } = session;
  const { apply } = progress;
  const { events, offsets } = await nextChunk(session);
  if (!offsets) {
    if (one.request.train) enter(progress, 'Training');
    else end(progress, 'Completed');
    return;
  }
  // a chunk that was begun is done to its end, also where the import is cancelled meanwhile
  apply.begun = apply.chunk + 1;
  await session.save();
  const started = performance.now();
  const applied = await applyChunk(app, one, apply.chunk, events);
  const fitting = Math.round((events.length * chunkMs) / (performance.now() - started));
  progress.events.done += events.length;
  progress.events.imported += applied.imported;
  progress.events.duplicates += applied.duplicates;
  progress.apply = {
    offsets,
    chunk: apply.chunk + 1,
    begun: apply.begun,
    size: Math.min(mostEvents, Math.max(fewestEvents, fitting)),
  };
}

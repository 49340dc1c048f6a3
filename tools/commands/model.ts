import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type Gathered, gatherLines } from '../../shared/scoring/eventLines.ts';
import { eventScorers } from '../../shared/scoring/eventScorers.ts';
import { entitiesOf } from '../../shared/scoring/features/entities.ts';
import { featureNames } from '../../shared/scoring/features/schema.ts';
import { areaUnderRoc, averagePrecision, precisionAtK } from '../../shared/scoring/metrics.ts';
import {
  ModelFormatError,
  modelEvents,
  packModel,
  readModel,
  requireSchema,
} from '../../shared/scoring/model.ts';
import { openReplay } from '../../shared/scoring/replay.ts';
import { loadScorecard } from '../../shared/scoring/scorecard.ts';
import { directories } from '../../shared/scoring/scorecardDirectories.ts';
import { growForest, trainModel } from '../../shared/scoring/trainer.ts';
import { collectTrainingRows, sourceOf } from '../../shared/scoring/trainingRows.ts';
import { compileScorer } from '../../shared/scoring/trees/scorer.ts';
import { type Labelled, TrainingError } from '../../shared/scoring/trees/train.ts';
import { type CsvColumns, CsvError, readCsvColumns } from '../scoring/csvColumns.ts';
import { appUsage, CallError, isAppVerb, modelsOfApp, RefusedError } from './modelsOfApp.ts';

/** A command line that cannot be run; the message says why. */
class UsageError extends Error {}

/** A file that does not hold what the command needs; the message says why. */
class FileError extends Error {}

const usage = `holdfast model eval --train A.csv --test B.csv --label COLUMN [--group COLUMN --k 100] [--day COLUMN] [--trees N] [--seed N]
holdfast model train --events FILE.ndjson --labels FILE.ndjson --out MODEL [--kind risk|bot] [--as-of TIME] [--maturity-days N] [--seed N]
holdfast model score --model MODEL --events FILE.ndjson [--labels FILE.ndjson]
${appUsage}`;

function need(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is needed.`);
  return value;
}

function whole(value: string | undefined, name: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0)
    throw new UsageError(`--${name} must be a whole number, not ${value}.`);
  return number;
}

// ── eval ──

function labelled(file: CsvColumns, path: string, label: string, features: readonly string[]): Labelled {
  const byName = new Map(file.numeric.map(({ name, values }) => [name, values]));
  const given = byName.get(label);
  if (given === undefined) throw new FileError(`The column ${label} of ${path} does not hold 0 and 1.`);
  const labels = Uint8Array.from(given, (value, row) => {
    if (value !== 0 && value !== 1)
      throw new FileError(`${path}: the label of row ${row + 1} is ${value}; it must be 0 or 1.`);
    return value;
  });
  const columns = features.map((name) => {
    const values = byName.get(name);
    if (values === undefined)
      throw new FileError(`The column ${name} is numeric in the training file, but not in ${path}.`);
    return values;
  });
  return { columns, labels };
}

async function evaluate(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      train: { type: 'string' },
      test: { type: 'string' },
      label: { type: 'string' },
      group: { type: 'string' },
      day: { type: 'string' },
      k: { type: 'string' },
      trees: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const [trainPath, testPath, label] = [
    need(values.train, 'train'),
    need(values.test, 'test'),
    need(values.label, 'label'),
  ];
  const k = whole(values.k, 'k', 100);
  if (k === 0) throw new UsageError('--k must be at least 1.');
  const named = [values.group, values.day].filter((name) => name !== undefined);
  const trainFile = await readCsvColumns(trainPath, [label]);
  const testFile = await readCsvColumns(testPath, [label, ...named]);
  // Who was hit and when is what the result is grouped by, not what is learnt from.
  const features = trainFile.numeric
    .map(({ name }) => name)
    .filter((name) => name !== label && !named.includes(name));
  if (features.length === 0) throw new FileError(`${trainPath} has no numeric columns to learn from.`);
  const train = labelled(trainFile, trainPath, label, features);
  const test = labelled(testFile, testPath, label, features);
  const settings = {
    ...(values.trees === undefined ? {} : { trees: whole(values.trees, 'trees', 0) }),
    ...(values.seed === undefined ? {} : { seed: whole(values.seed, 'seed', 0) }),
  };
  const started = process.hrtime.bigint();
  const forest = growForest(train, settings);
  const trainSeconds = Number(process.hrtime.bigint() - started) / 1e9;
  const score = compileScorer(forest);
  const row = new Float64Array(features.length);
  const logits = new Float64Array(testFile.rows);
  for (let i = 0; i < logits.length; i++) {
    for (let column = 0; column < row.length; column++) row[column] = test.columns[column]![i]!;
    logits[i] = score(row);
  }
  const groups = values.group === undefined ? undefined : testFile.named.get(values.group);
  const days = values.day === undefined ? undefined : testFile.named.get(values.day);
  const round = (value: number) => (Number.isNaN(value) ? null : Number(value.toFixed(6)));
  const result = {
    aucRoc: round(areaUnderRoc(logits, test.labels)),
    averagePrecision: round(averagePrecision(logits, test.labels)),
    ...(groups ? { k, precisionAtK: round(precisionAtK(logits, test.labels, groups, k, days)) } : {}),
    trainSeconds: Number(trainSeconds.toFixed(3)),
    peakMemoryMB: Math.round(process.resourceUsage().maxRSS / 1024),
    trainRows: trainFile.rows,
    trainFrauds: train.labels.reduce((sum, value) => sum + value, 0),
    testRows: testFile.rows,
    testFrauds: test.labels.reduce((sum, value) => sum + value, 0),
    features: features.length,
    trees: forest.roots.length,
  };
  console.log(JSON.stringify(result));
}

// ── train and score ──

async function readLines(path: string, into: Gathered): Promise<void> {
  const before = into.faults.length;
  const input = createReadStream(path);
  await gatherLines(createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }), into);
  const fault = into.faults[before];
  if (fault) throw new FileError(`${path}:${fault.line}: ${fault.message}`);
}

const nothing = (): Gathered => ({ events: [], labels: [], undated: [], faults: [] });

const DAY = 86_400_000;

/** How long labels took to arrive, the slowest twentieth left out, at most four weeks: as long an event must wait to count. */
function usualDelay({ events, labels }: Gathered): number {
  const made = new Map(events.map(({ type, id, at }) => [`${type}|${id}`, at]));
  const delays = labels.flatMap(({ target, arrived }) => {
    const at = target.kind === 'event' ? made.get(`${target.type}|${target.id}`) : undefined;
    return at === undefined ? [] : [Math.max(0, arrived - at) / DAY];
  });
  delays.sort((a, b) => a - b);
  return Math.min(28, delays[Math.floor(0.95 * delays.length)] ?? 0);
}

async function train(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      events: { type: 'string' },
      labels: { type: 'string' },
      out: { type: 'string' },
      kind: { type: 'string', default: 'risk' },
      'as-of': { type: 'string' },
      'maturity-days': { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const out = need(values.out, 'out');
  const { kind } = values;
  if (kind !== 'risk' && kind !== 'bot') throw new UsageError(`--kind must be risk or bot, not ${kind}.`);
  const lines = nothing();
  await readLines(need(values.events, 'events'), lines);
  await readLines(need(values.labels, 'labels'), lines);
  const last = [...lines.events.map(({ at }) => at), ...lines.labels.map(({ arrived }) => arrived)].reduce(
    (latest, at) => Math.max(latest, at),
    Number.NEGATIVE_INFINITY,
  );
  const asOf = values['as-of'] === undefined ? last : Date.parse(values['as-of']);
  if (Number.isNaN(asOf)) throw new UsageError('--as-of must be a time as in 2026-03-01T00:00:00Z.');
  const labels = [
    ...lines.labels,
    ...lines.undated.map((label) => ({ ...label, found: asOf, arrived: asOf })),
  ];
  const days =
    values['maturity-days'] === undefined
      ? usualDelay(lines)
      : whole(values['maturity-days'], 'maturity-days', 0);
  const maturity = { Purchase: days, AccountCreation: days, AccountLogin: days };
  const rows = await collectTrainingRows(sourceOf(lines.events, labels), directories, {
    types: modelEvents[kind],
    asOf,
    maturity,
  });
  const started = process.hrtime.bigint();
  const model = trainModel(rows, {
    kind,
    created: new Date(asOf).toISOString(),
    trees: { seed: whole(values.seed, 'seed', 1) },
  });
  writeFileSync(out, packModel(model));
  const { holdOut, trainedOn, schemaHash } = model.info;
  const trainSeconds = Number((Number(process.hrtime.bigint() - started) / 1e9).toFixed(3));
  const events = lines.events.length;
  console.log(
    JSON.stringify({
      model: out,
      events,
      maturityDays: Number(days.toFixed(2)),
      trainedOn,
      holdOut,
      trees: model.forest.roots.length,
      schemaHash,
      trainSeconds,
    }),
  );
}

async function score(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { model: { type: 'string' }, events: { type: 'string' }, labels: { type: 'string' } },
  });
  const model = readModel(readFileSync(need(values.model, 'model')));
  requireSchema(model, featureNames);
  const lines = nothing();
  await readLines(need(values.events, 'events'), lines);
  if (values.labels !== undefined) await readLines(values.labels, lines);
  const { kind } = model.info;
  const scorers = eventScorers(
    await loadScorecard(),
    { [kind]: { version: 'of the file', model } },
    directories,
  );
  const replay = openReplay(directories);
  const scored = modelEvents[kind];
  const events = lines.events.sort((a, b) => a.at - b.at);
  const labels = lines.labels.sort((a, b) => a.arrived - b.arrived);
  let next = 0;
  for (const event of events) {
    for (; next < labels.length && labels[next]!.arrived <= event.at; next++) replay.label(labels[next]!);
    if (!scored.includes(event.type)) {
      replay.observe(event);
      continue;
    }
    const histories = Object.fromEntries(
      entitiesOf(event).map((entity) => [entity.kind, replay.histories.read(event.type, entity)]),
    );
    const result = scorers[kind](event, { velocities: event.velocities, histories });
    replay.observe(event);
    const probability = result.model && Number(result.model.probability.toPrecision(6));
    console.log(
      JSON.stringify({
        type: event.type,
        id: event.id,
        score: result.score,
        probability,
        reasons: result.reasons,
      }),
    );
  }
}

const fileFaults = new Set(['ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR', 'ENOSPC']);

/** The exit code of an error that the caller can do something about: 2 the call is wrong, 1 the files are; else undefined. */
function exitCodeOf(error: unknown): 1 | 2 | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof UsageError || error instanceof CallError || code.startsWith('ERR_PARSE_ARGS'))
    return 2;
  const ofFiles =
    error instanceof FileError ||
    error instanceof RefusedError ||
    error instanceof CsvError ||
    error instanceof TrainingError ||
    error instanceof ModelFormatError ||
    fileFaults.has(code);
  return ofFiles ? 1 : undefined;
}

/** `holdfast model …`. Gives the exit code: 0 fine, 1 something is wrong with the files, 2 with the call, and says so on stderr. */
export async function run(args: string[]): Promise<number> {
  const [verb, ...rest] = args;
  try {
    if (verb === 'eval') await evaluate(rest);
    else if (verb === 'train') await train(rest);
    else if (verb === 'score') await score(rest);
    else if (isAppVerb(verb)) await modelsOfApp(verb, rest);
    else throw new UsageError(`Say what to do:\n${usage}`);
    return 0;
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === undefined) throw error;
    console.error(error instanceof Error ? error.message : String(error));
    return code;
  }
}

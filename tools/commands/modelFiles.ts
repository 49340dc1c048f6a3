import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type Gathered, gatherLines } from '../../shared/scoring/eventLines.ts';
import { eventScorers } from '../../shared/scoring/eventScorers.ts';
import { entitiesOf } from '../../shared/scoring/features/entities.ts';
import { featureNames } from '../../shared/scoring/features/schema.ts';
import { modelEvents, packModel, readModel, requireSchema } from '../../shared/scoring/model.ts';
import { openReplay } from '../../shared/scoring/replay.ts';
import { loadScorecard } from '../../shared/scoring/scorecard.ts';
import { directories } from '../../shared/scoring/scorecardDirectories.ts';
import { trainModel } from '../../shared/scoring/trainer.ts';
import { collectTrainingRows, sourceOf } from '../../shared/scoring/trainingRows.ts';
import { FileError, need, UsageError, whole } from './modelArguments.ts';

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

/** `holdfast model train`: a model of the events and labels of files; prints one line of JSON about it. */
export async function train(args: string[]): Promise<void> {
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

/** `holdfast model score`: a line of JSON for each event of a file, in the order of time. */
export async function score(args: string[]): Promise<void> {
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

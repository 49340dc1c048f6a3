import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { areaUnderRoc, averagePrecision, precisionAtK } from '../../shared/scoring/metrics.ts';
import { growForest } from '../../shared/scoring/trainer.ts';
import { compileScorer } from '../../shared/scoring/trees/scorer.ts';
import type { Labelled } from '../../shared/scoring/trees/train.ts';
import { type CsvColumns, readCsvColumns } from '../scoring/csvColumns.ts';
import { FileError, need, UsageError, whole } from './modelArguments.ts';

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

/** `holdfast model eval`: learns from one file, judges on another, and prints one line of JSON. */
export async function evaluate(args: string[]): Promise<void> {
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
  // Reading makes garbage at a rate at which Node lets its young generation grow to 100 MB, for no gain in time.
  setFlagsFromString('--semi-space-growth-factor=1');
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

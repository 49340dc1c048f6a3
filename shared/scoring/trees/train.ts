import { binColumn, type Column, chooseCuts } from './bins.ts';
import { type Forest, firstTrees } from './forest.ts';
import { type Binned, binnedLeaf, type GrowSettings, growTree, openWorkspace, type Tree } from './grow.ts';
import { choose, randomSource } from './random.ts';

/** Rows to learn from: one column a feature (NaN means missing), and 1 for fraud or 0 for legitimate. */
export interface Labelled {
  columns: readonly Column[];
  labels: Uint8Array;
}

export interface TrainSettings extends GrowSettings {
  /** most trees to grow */
  trees: number;
  /** factor on each tree's leaf values */
  learningRate: number;
  /** most bins a feature's values are put in, 2 to 65,534 */
  bins: number;
  /** share of the thresholds that lie at the frauds' own quantiles, 0 to 1 */
  fraudShare: number;
  /** share of the columns that each tree may use, above 0 to 1 */
  columnShare: number;
  /** share of the legitimate rows that each tree learns from (weighted up accordingly), above 0 to 1 */
  negativeShare: number;
  /** stop when the validation loss has not fallen for this many trees */
  patience: number;
  seed: number;
}

export const defaultTrainSettings: TrainSettings = {
  trees: 150,
  learningRate: 0.1,
  maxLeaves: 32,
  maxDepth: 5,
  lambda: 1,
  minChildWeight: 3,
  minGain: 0,
  bins: 1024,
  fraudShare: 0.4,
  columnShare: 0.6,
  negativeShare: 1,
  patience: 25,
  seed: 1,
};

/** With fewer known frauds, trees learn what is chance before they have learnt the rest: they take smaller steps, and are stopped. */
const FEW_FRAUDS = 500;

/**
 * The settings for so many known frauds. Measured on simulated weeks apart from those that are reported: with about 200 frauds
 * smaller steps, stopped in time, add 0.011 ± 0.003 to average precision; with about 700 they add nothing (docs/scoring-model.md).
 */
export function settingsFor(frauds: number): TrainSettings {
  if (frauds >= FEW_FRAUDS) return defaultTrainSettings;
  return { ...defaultTrainSettings, trees: 300, learningRate: 0.05, columnShare: 0.8, patience: 40 };
}

/** Data or settings that no sound model can be learnt from; the message says why. */
export class TrainingError extends Error {}

export interface Trained {
  forest: Forest;
  /** mean logistic loss on the validation rows after each tree grown; empty without validation rows */
  validationLoss: number[];
}

function check(data: Labelled, name: string): void {
  const rows = data.labels.length;
  if (rows === 0) throw new TrainingError(`${name}: there are no rows.`);
  if (data.columns.length === 0) throw new TrainingError(`${name}: there are no columns.`);
  if (data.columns.length > 32_767)
    throw new TrainingError(`${name}: ${data.columns.length} columns; 32,767 at most.`);
  for (const [index, column] of data.columns.entries())
    if (column.length !== rows)
      throw new TrainingError(`${name}: column ${index} has ${column.length} values for ${rows} labels.`);
  for (const [row, label] of data.labels.entries())
    if (label > 1)
      throw new TrainingError(`${name}: the label of row ${row} is ${label}; it must be 0 or 1.`);
}

function checkSettings(settings: TrainSettings): void {
  const within = (name: keyof TrainSettings, least: number, most: number) => {
    const value = settings[name];
    if (!(value >= least && value <= most))
      throw new TrainingError(`The setting ${name} is ${value}; it must be from ${least} to ${most}.`);
  };
  within('trees', 1, 10_000);
  within('learningRate', 1e-6, 1);
  within('maxLeaves', 2, 4096);
  within('maxDepth', 1, 30);
  within('lambda', 0, 1e9);
  within('minChildWeight', 1e-9, 1e9);
  within('minGain', 0, 1e9);
  within('bins', 2, 65_534);
  within('fraudShare', 0, 1);
  within('columnShare', 1e-6, 1);
  within('negativeShare', 1e-6, 1);
  within('patience', 1, 10_000);
}

/** Mean logistic loss of logits against labels. */
export function logisticLoss(logits: ArrayLike<number>, labels: Uint8Array): number {
  let sum = 0;
  for (let row = 0; row < labels.length; row++) {
    const margin = labels[row] === 1 ? -logits[row]! : logits[row]!;
    sum += Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
  }
  return sum / labels.length;
}

function assemble(features: number, trees: readonly Tree[], learningRate: number): Forest {
  const nodes = trees.reduce((sum, tree) => sum + tree.feature.length, 0);
  const forest: Forest = {
    features,
    roots: new Int32Array(trees.length),
    feature: new Int16Array(nodes),
    threshold: new Float64Array(nodes),
    left: new Int32Array(nodes),
    missingLeft: new Uint8Array(nodes),
    value: new Float64Array(nodes),
    cover: new Float64Array(nodes),
  };
  let start = 0;
  for (const [index, tree] of trees.entries()) {
    forest.roots[index] = start;
    for (let node = 0; node < tree.feature.length; node++) {
      const isLeaf = tree.feature[node]! < 0;
      forest.feature[start + node] = tree.feature[node]!;
      forest.threshold[start + node] = tree.threshold[node]!;
      forest.left[start + node] = isLeaf ? -1 : start + tree.left[node]!;
      forest.missingLeft[start + node] = tree.missingLeft[node] ? 1 : 0;
      forest.value[start + node] = isLeaf ? learningRate * tree.value[node]! : 0;
      forest.cover[start + node] = tree.cover[node]!;
    }
    start += tree.feature.length;
  }
  return forest;
}

/** Covers of all nodes from the weights of the rows in the leaves. */
function fillCovers(tree: Tree, order: Int32Array, labels: Uint8Array, negativeWeight: number): void {
  for (let node = tree.feature.length - 1; node >= 0; node--) {
    if (tree.feature[node]! >= 0) {
      tree.cover[node] = tree.cover[tree.left[node]!]! + tree.cover[tree.left[node]! + 1]!;
      continue;
    }
    let positives = 0;
    for (let i = tree.begin[node]!; i < tree.end[node]!; i++) positives += labels[order[i]!]!;
    tree.cover[node] = positives + (tree.end[node]! - tree.begin[node]! - positives) * negativeWeight;
  }
}

/**
 * Learns a boosted ensemble for the logistic loss by Newton steps (Friedman 2001; Chen and Guestrin 2016, arXiv
 * 1603.02754), on histograms. Boosting starts from logit 0, not from the prior: with few frauds the first trees then
 * still have second derivatives large enough to split on. With validation rows the trees after the lowest validation
 * loss are dropped. The same data, settings and seed give the same forest. Throws TrainingError.
 */
export function trainForest(
  data: Labelled,
  validation: Labelled | undefined,
  settings: TrainSettings,
): Trained {
  check(data, 'Training data');
  if (validation) check(validation, 'Validation data');
  checkSettings(settings);
  if (validation && validation.columns.length !== data.columns.length)
    throw new TrainingError('Validation data: it must have the columns of the training data.');
  const { labels } = data;
  const rows = labels.length;
  const frauds = labels.reduce((sum, label) => sum + label, 0);
  if (frauds === 0 || frauds === rows)
    throw new TrainingError(
      `Training data: all ${rows} rows are ${frauds === 0 ? 'legitimate' : 'fraud'}; both kinds are needed.`,
    );

  const sorted = new Float64Array(rows);
  const cuts = data.columns.map((column) =>
    chooseCuts(column, labels, settings.bins, settings.fraudShare, sorted),
  );
  const binned: Binned = {
    rows,
    cuts,
    columns: data.columns.map((column, i) => binColumn(column, cuts[i]!)),
  };
  const validationBins = validation?.columns.map((column, i) => binColumn(column, cuts[i]!));
  const validationLogits = new Float64Array(validation?.labels.length ?? 0);
  // A column with one bin can never be split on.
  const usable = Int32Array.from(cuts.keys()).filter(
    (i) => cuts[i]!.length > 0 || binned.columns[i]!.some((bin) => bin !== binned.columns[i]![0]),
  );
  const work = openWorkspace(binned);
  const random = randomSource(settings.seed);
  const logits = new Float64Array(rows);
  const gradient = new Float32Array(rows);
  const hessian = new Float32Array(rows);
  const order = new Int32Array(rows);
  const rest = new Int32Array(rows);
  const negativeWeight = 1 / settings.negativeShare;
  const columnsPerTree = Math.max(1, Math.round(settings.columnShare * usable.length));
  const trees: Tree[] = [];
  const validationLoss: number[] = [];
  let best = { loss: Number.POSITIVE_INFINITY, trees: 0 };

  for (let round = 0; round < settings.trees; round++) {
    let inside = 0;
    let outside = 0;
    for (let row = 0; row < rows; row++) {
      const label = labels[row]!;
      if (label === 0 && settings.negativeShare < 1 && random() >= settings.negativeShare) {
        rest[outside++] = row;
        continue;
      }
      order[inside++] = row;
      const probability = 1 / (1 + Math.exp(-logits[row]!));
      const weight = label === 1 ? 1 : negativeWeight;
      gradient[row] = weight * (probability - label);
      hessian[row] = weight * Math.max(probability * (1 - probability), 1e-16);
    }
    const sampled = order.subarray(0, inside);
    const features =
      columnsPerTree < usable.length
        ? choose(random, usable.length, columnsPerTree).map((i) => usable[i]!)
        : usable;
    const tree = growTree(binned, sampled, gradient, hessian, features, settings, work);
    fillCovers(tree, sampled, labels, negativeWeight);
    trees.push(tree);
    for (const [node, feature] of tree.feature.entries()) {
      if (feature >= 0) continue;
      const step = settings.learningRate * tree.value[node]!;
      for (let i = tree.begin[node]!; i < tree.end[node]!; i++) logits[sampled[i]!]! += step;
    }
    for (let i = 0; i < outside; i++) {
      const row = rest[i]!;
      logits[row]! += settings.learningRate * tree.value[binnedLeaf(tree, binned.columns, row)]!;
    }
    if (validation === undefined || validationBins === undefined) continue;
    for (let row = 0; row < validationLogits.length; row++)
      validationLogits[row]! += settings.learningRate * tree.value[binnedLeaf(tree, validationBins, row)]!;
    const loss = logisticLoss(validationLogits, validation.labels);
    validationLoss.push(loss);
    if (loss < best.loss) best = { loss, trees: round + 1 };
    else if (round + 1 - best.trees >= settings.patience) break;
  }
  const forest = assemble(data.columns.length, trees, settings.learningRate);
  return { forest: validation ? firstTrees(forest, best.trees) : forest, validationLoss };
}

import type { TillRow } from '../../shared/lossPrevention/cells.ts';
import { reasons } from '../../shared/lossPrevention/reasons.ts';
import { addSums, at } from '../../shared/lossPrevention/sums.ts';
import { random } from './random.ts';

/** Person months and their shares, one per reason: what the simple methods see. */
interface Features {
  ids: string[];
  months: number[];
  roles: string[];
  values: number[][];
}

function featuresOf(rows: readonly TillRow[]): Features {
  const people = new Map<string, { row: TillRow; sums: Float64Array }>();
  for (const row of rows) {
    const key = `${row.month}|${row.staff}`;
    const entry = people.get(key);
    if (entry) addSums(entry.sums, row.sums);
    else people.set(key, { row, sums: Float64Array.from(row.sums) });
  }
  const list = [...people.values()];
  return {
    ids: list.map(({ row }) => row.staff),
    months: list.map(({ row }) => row.month),
    roles: list.map(({ row }) => row.role),
    values: list.map(({ sums }) =>
      reasons.map(({ tests: [test] }) => {
        const chances = (test?.of ?? []).reduce((sum, name) => sum + sums[at[name]]!, 0);
        return test && chances > 0 ? sums[at[test.events]]! / chances : 0;
      }),
    ),
  };
}

/** The largest z of any share of any month against everyone's of the month (or everyone's of the role), as risk by person. */
export function plainZ(rows: readonly TillRow[], byRole: boolean): Map<string, number> {
  const { ids, months, roles, values } = featuresOf(rows);
  const groups = new Map<string, number[]>();
  ids.forEach((_, i) => {
    const key = `${months[i]}|${byRole ? roles[i] : ''}`;
    const list = groups.get(key);
    if (list) list.push(i);
    else groups.set(key, [i]);
  });
  const best = new Map<string, number>();
  for (const members of groups.values())
    for (let f = 0; f < reasons.length; f++) {
      const mean = members.reduce((sum, i) => sum + values[i]![f]!, 0) / members.length;
      const variance = members.reduce((sum, i) => sum + (values[i]![f]! - mean) ** 2, 0) / members.length;
      for (const i of members) {
        const z = variance > 0 ? (values[i]![f]! - mean) / Math.sqrt(variance) : 0;
        if (z > (best.get(ids[i]!) ?? Number.NEGATIVE_INFINITY)) best.set(ids[i]!, z);
      }
    }
  return best;
}

interface Tree {
  size: number;
  split?: { feature: number; value: number; low: Tree; high: Tree };
}

/** Isolation forest (Liu, Ting, Zhou, 2008): 100 trees of 256 samples; the worst month's score as risk by person. */
export function isolationForest(rows: readonly TillRow[], seed: number): Map<string, number> {
  const { ids, values } = featuresOf(rows);
  const r = random(`forest ${seed}`);
  const trees = 100;
  const depths = new Float64Array(ids.length);
  for (let t = 0; t < trees; t++) {
    const sample = Array.from({ length: 256 }, () => r.below(ids.length));
    const tree = grow(sample, 0);
    for (let i = 0; i < ids.length; i++) depths[i]! += depthOf(tree, values[i]!);
  }
  const best = new Map<string, number>();
  ids.forEach((id, i) => {
    const risk = 2 ** (-depths[i]! / trees / pathLength(256));
    if (risk > (best.get(id) ?? 0)) best.set(id, risk);
  });
  return best;

  function grow(members: number[], depth: number): Tree {
    if (depth >= 8 || members.length <= 1) return { size: members.length };
    for (let attempt = 0; attempt < 20; attempt++) {
      const feature = r.below(reasons.length);
      const column = members.map((i) => values[i]![feature]!);
      const least = Math.min(...column);
      const most = Math.max(...column);
      if (most <= least) continue;
      const value = least + r.next() * (most - least);
      const low = grow(
        members.filter((i) => values[i]![feature]! < value),
        depth + 1,
      );
      const high = grow(
        members.filter((i) => values[i]![feature]! >= value),
        depth + 1,
      );
      return { size: members.length, split: { feature, value, low, high } };
    }
    return { size: members.length };
  }
}

function depthOf(tree: Tree, values: readonly number[]): number {
  let node = tree;
  let depth = 0;
  while (node.split) {
    node = values[node.split.feature]! < node.split.value ? node.split.low : node.split.high;
    depth++;
  }
  return depth + pathLength(node.size);
}

/** Mean length of an unsuccessful search in a binary tree of n. */
function pathLength(n: number): number {
  return n <= 1 ? 0 : 2 * (Math.log(n - 1) + 0.5772156649) - (2 * (n - 1)) / n;
}

export interface Quality {
  /** share of planted among the first 100, and among the first as many as were planted */
  at100: number;
  atPlanted: number;
  averagePrecision: number;
}

/** How well a ranking (higher is riskier) finds what was planted. */
export function qualityOf(
  risks: ReadonlyMap<string, number>,
  planted: { has(id: string): boolean; size: number },
): Quality {
  const order = [...risks].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([id]) => id);
  let hits = 0;
  let sum = 0;
  const result: Quality = { at100: 0, atPlanted: 0, averagePrecision: 0 };
  order.forEach((id, i) => {
    if (planted.has(id)) {
      hits++;
      sum += hits / (i + 1);
    }
    if (i + 1 === 100) result.at100 = hits / 100;
    if (i + 1 === planted.size) result.atPlanted = hits / planted.size;
  });
  result.averagePrecision = planted.size === 0 ? 0 : sum / planted.size;
  return result;
}

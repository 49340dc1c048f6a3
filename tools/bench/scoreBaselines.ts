import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainSettings } from '../../shared/scoring/trees/train.ts';

const python = '/usr/bin/python3';

/** One fold's rows. */
export interface FoldData {
  train: Float32Array[];
  labels: Uint8Array;
  test: Float32Array[];
}

/** One baseline's scores of a fold's test rows. */
export interface BaselineResult {
  name: string;
  fold: number;
  seconds: number;
  scores: Float64Array;
}

/** Why the baselines cannot run here, or undefined where they can. */
export function missingBaselines(): string | undefined {
  const tried = spawnSync(python, ['-c', 'import sklearn, xgboost'], { encoding: 'utf8' });
  if (tried.error) return `Baselines skipped: there is no ${python}.`;
  if (tried.status !== 0)
    return `Baselines skipped: ${python} has no sklearn or no xgboost (apt-get install python3-sklearn python3-xgboost).`;
  return undefined;
}

/** Trains and tests all baselines on all folds, one processor core, and gives their scores. */
export function runBaselines(folds: readonly FoldData[], settings: TrainSettings): BaselineResult[] {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-baselines-'));
  try {
    const write = (name: string, columns: readonly Float32Array[]) =>
      writeFileSync(
        join(folder, name),
        Buffer.concat(columns.map((c) => Buffer.from(c.buffer, c.byteOffset, c.byteLength))),
      );
    for (const [index, { train, labels, test }] of folds.entries()) {
      write(`train${index}`, train);
      write(`test${index}`, test);
      writeFileSync(join(folder, `labels${index}`), labels);
    }
    const columns = folds[0]?.train.length ?? 0;
    writeFileSync(join(folder, 'folds.json'), JSON.stringify({ folds: folds.length, columns, settings }));
    const script = new URL('./baselines.py', import.meta.url).pathname;
    const output = execFileSync(python, [script, folder], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
    });
    return output
      .trim()
      .split('\n')
      .map((line) => {
        const { name, fold, index, seconds }: { name: string; fold: number; index: number; seconds: number } =
          JSON.parse(line);
        const bytes = readFileSync(join(folder, `scores${fold}.${index}`));
        return {
          name,
          fold,
          seconds,
          scores: new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
        };
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

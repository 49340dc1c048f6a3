import { ModelFormatError } from '../../shared/scoring/model.ts';
import { TrainingError } from '../../shared/scoring/trees/train.ts';
import { CsvError } from '../scoring/csvColumns.ts';
import { FileError, UsageError } from './modelArguments.ts';
import { appUsage, CallError, isAppVerb, modelsOfApp, RefusedError } from './modelsOfApp.ts';

/** What `--help` shows. */
export const usage = `holdfast model eval --train A.csv --test B.csv --label COLUMN [--group COLUMN --k 100] [--day COLUMN] [--trees N] [--seed N]
holdfast model train --events FILE.ndjson --labels FILE.ndjson --out MODEL [--kind risk|bot] [--as-of TIME] [--maturity-days N] [--seed N]
holdfast model score --model MODEL --events FILE.ndjson [--labels FILE.ndjson]
${appUsage}`;

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
    if (verb === 'eval') await (await import('./modelEval.ts')).evaluate(rest);
    else if (verb === 'train') await (await import('./modelFiles.ts')).train(rest);
    else if (verb === 'score') await (await import('./modelFiles.ts')).score(rest);
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

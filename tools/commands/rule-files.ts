import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Resources } from '../../shared/fql/index.ts';

export interface RuleFile {
  path: string;
  text: string;
}

/**
 * The files that arguments name: files as they are, folders with every `.fql` file in them, in the order of their names.
 * What is not there comes back in `missing`.
 */
export async function readRuleFiles(
  paths: readonly string[],
): Promise<{ files: RuleFile[]; missing: string[] }> {
  const files: RuleFile[] = [];
  const missing: string[] = [];
  for (const path of paths) {
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) missing.push(path);
    else if (info.isDirectory()) {
      const names = (await readdir(path, { recursive: true })).filter((n) => n.endsWith('.fql')).sort();
      for (const name of names)
        files.push({ path: join(path, name), text: await readFile(join(path, name), 'utf8') });
    } else files.push({ path, text: await readFile(path, 'utf8') });
  }
  return { files, missing };
}

/** What `holdfast.json` beside a file, or in a folder above it, says that names mean; undefined where there is none. */
export async function resourcesFor(path: string): Promise<Resources | undefined> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const text = await readFile(join(folder, 'holdfast.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return { environment: 'local', ...JSON.parse(text) };
    if (dirname(folder) === folder) return undefined;
  }
}

import { writeFile } from 'node:fs/promises';
import { format } from '../../shared/fql/index.ts';
import type { Command } from './command.ts';
import { readRuleFiles } from './rule-files.ts';

/** `holdfast fmt FILE…`: lays files out in place; `--check` only names those that would change, exit code 1. */
export const fmt: Command = {
  name: 'fmt',
  usage: 'fmt [--check] FILE|FOLDER…',
  summary: 'lay out .fql files; --check only tells which would change',
  async run(args, terminal) {
    const only = args.includes('--check');
    const paths = args.filter((a) => a !== '--check');
    if (paths.length === 0) {
      terminal.err('holdfast fmt: name a file or a folder of .fql files.\n');
      return 2;
    }
    const { files, missing } = await readRuleFiles(paths);
    for (const path of missing) terminal.err(`holdfast fmt: there is no ${path}.\n`);
    let changed = 0;
    for (const file of files) {
      const text = format(file.text);
      if (text === file.text) continue;
      changed++;
      terminal.out(`${file.path}\n`);
      if (!only) await writeFile(file.path, text);
    }
    return missing.length > 0 ? 2 : only && changed > 0 ? 1 : 0;
  },
};

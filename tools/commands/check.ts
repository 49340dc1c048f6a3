import { checkText, renderDiagnostics } from '../../shared/fql/index.ts';
import type { Command } from './command.ts';
import { readRuleFiles, resourcesFor } from './rule-files.ts';

/** What can only be known with an environment; without `holdfast.json` it is left to the server. */
const needsEnvironment =
  /^unknown-(?:list|column|support-list|velocity|external-call|external-assessment|function|output|queue|environment)$/;

/**
 * `holdfast check FILE…`: each file holds one clause, condition or velocity. Prints the diagnostics like a compiler; exit
 * code 1 when there is an error.
 */
export const check: Command = {
  name: 'check',
  usage: 'check FILE|FOLDER…',
  summary: 'check clauses, conditions and velocities (.fql)',
  async run(args, terminal) {
    if (args.length === 0) {
      terminal.err('holdfast check: name a file or a folder of .fql files.\n');
      return 2;
    }
    const { files, missing } = await readRuleFiles(args);
    for (const path of missing) terminal.err(`holdfast check: there is no ${path}.\n`);
    let errors = 0;
    let warnings = 0;
    for (const file of files) {
      const resources = await resourcesFor(file.path);
      const found = checkText(file.text, resources ?? { environment: 'local' });
      const shown = resources === undefined ? found.filter((d) => !needsEnvironment.test(d.code)) : found;
      errors += shown.filter((d) => d.severity === 'error').length;
      warnings += shown.filter((d) => d.severity === 'warning').length;
      terminal.out(renderDiagnostics(shown, () => ({ name: file.path, text: file.text })));
      if (shown.length > 0) terminal.out('\n');
    }
    const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
    terminal.out(
      `${count(files.length, 'file')}: ${count(errors, 'error')}, ${count(warnings, 'warning')}\n`,
    );
    return missing.length > 0 ? 2 : errors > 0 ? 1 : 0;
  },
};

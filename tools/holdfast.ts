#!/usr/bin/env node
import { check } from './commands/check.ts';
import type { Command } from './commands/command.ts';
import { fmt } from './commands/fmt.ts';

/** The subcommands of `npx holdfast`: one file each in `commands/`. */
const commands: readonly Command[] = [
  check,
  fmt,
  {
    name: 'model',
    usage: 'model eval|train|score|list|retrain|rollback …',
    summary: 'train, evaluate and run scoring models; those of a running app',
    help: async () => (await import('./commands/model.ts')).usage,
    run: async (args) => (await import('./commands/model.ts')).run([...args]),
  },
  {
    name: 'import',
    usage: 'import FILE… --environment E',
    summary: 'import past events from NDJSON or from CSV files of DFP’s data upload',
    help: async () => (await import('./commands/import.ts')).usage,
    run: async (args, terminal) => (await import('./commands/import.ts')).runImport(args, terminal),
  },
  {
    name: 'lp',
    usage: 'lp run …',
    summary: 'find return and discount abuse in a folder of transactions',
    help: async () => (await import('./lossPrevention/cli.ts')).usage,
    run: async (args) => (await import('./lossPrevention/cli.ts')).lossPreventionCommand(args),
  },
];

function usage(): string {
  const width = Math.max(...commands.map((c) => c.usage.length));
  return [
    'Usage: holdfast <command>',
    '',
    ...commands.map((c) => `  ${c.usage.padEnd(width)}  ${c.summary}`),
    '',
  ].join('\n');
}

const [name, ...args] = process.argv.slice(2);
const command = commands.find((c) => c.name === name);
if (command === undefined) {
  const wanted = name === undefined || name === 'help' || name === '--help' || name === '-h';
  process[wanted ? 'stdout' : 'stderr'].write(
    wanted ? usage() : `holdfast: there is no command "${name}".\n\n${usage()}`,
  );
  process.exitCode = wanted ? 0 : 2;
} else if (args.includes('--help') || args.includes('-h')) {
  const help = (await command.help?.()) ?? `holdfast ${command.usage}: ${command.summary}`;
  process.stdout.write(`${help.trimEnd()}\n`);
} else {
  process.exitCode = await command.run(args, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}

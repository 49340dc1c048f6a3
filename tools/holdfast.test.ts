import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { check } from './commands/check.ts';
import type { Command } from './commands/command.ts';
import { fmt } from './commands/fmt.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-'));
});
afterEach(() => rm(folder, { recursive: true }));

const file = (name: string) => join(folder, name);

async function run(command: Command, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await command.run(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out: out.replaceAll(`${folder}/`, ''), err: err.replaceAll(`${folder}/`, '') };
}

test('check prints what is wrong, underlined, and exits 1', async () => {
  await writeFile(file('a.fql'), 'RETURN Reject()\nWHEN @"user.email".EndWith("@contoso.com")\n');
  await writeFile(file('b.fql'), 'WHEN @"totalAmount" > 5\n');
  expect(await run(check, folder)).toEqual({
    code: 1,
    err: '',
    out: `a.fql:2:20: error [unknown-member]
  |
2 | WHEN @"user.email".EndWith("@contoso.com")
  |                    ^^^^^^^
No type has a member EndWith. Did you mean EndsWith?

2 files: 1 error, 0 warnings
`,
  });
});

test('check takes what names mean from holdfast.json, and without it leaves them to the server', async () => {
  const code = 'RETURN Reject() WHEN ContainsKey("Risky", "Emial", @"user.email")';
  await writeFile(file('a.fql'), code);
  expect(await run(check, file('a.fql'))).toMatchObject({ code: 0 });
  await writeFile(file('holdfast.json'), JSON.stringify({ lists: { Risky: { columns: ['Email'] } } }));
  expect((await run(check, file('a.fql'))).out).toContain(
    'The list "Risky" has no column "Emial". Did you mean "Email"?',
  );
});

test('check knows velocities, actions and routing rules by their statements', async () => {
  await writeFile(file('v.fql'), 'SELECT Count() AS n FROM Purchase GROUPBY @"user.email"');
  await writeFile(file('a.fql'), 'DO SetResponse(a = 1) WHEN Response.Decision() == "Approve"');
  await writeFile(
    file('r.fql'),
    'ROUTETO Queue("High Value Orders") WHEN @"purchase.request.totalAmount" > 1000',
  );
  expect(await run(check, folder)).toMatchObject({ code: 0, out: '3 files: 0 errors, 0 warnings\n' });
});

test('a file that is not there is named, exit 2', async () => {
  expect(await run(check, file('none.fql'))).toMatchObject({
    code: 2,
    err: 'holdfast check: there is no none.fql.\n',
  });
});

test('fmt lays files out and then has nothing left to do', async () => {
  await writeFile(file('a.fql'), 'return   Reject("x") // why\nwhen @"a"==1   AND @"b">2');
  expect(await run(fmt, '--check', folder)).toEqual({ code: 1, out: 'a.fql\n', err: '' });
  expect(await run(fmt, folder)).toMatchObject({ code: 0, out: 'a.fql\n' });
  expect(await readFile(file('a.fql'), 'utf8')).toBe(
    'RETURN Reject("x") // why\nWHEN @"a" == 1 and @"b" > 2\n',
  );
  expect(await run(fmt, '--check', folder)).toEqual({ code: 0, out: '', err: '' });
});

test('every command says on request how it is used', async () => {
  const holdfast = join(import.meta.dirname, 'holdfast.ts');
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [holdfast]);
  const commands = [...stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name = '']) => name);
  expect(commands).toHaveLength(5);
  for (const name of commands) {
    const help = await run(process.execPath, [holdfast, name, '--help']);
    expect(help.stdout, name).toMatch(new RegExp(`^holdfast ${name} `));
    expect(help.stderr, name).toBe('');
  }
});

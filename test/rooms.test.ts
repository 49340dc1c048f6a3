import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');

/** `shared` for a file that lies in no room. */
function roomOf(file: string): string {
  const [room, inside] = path.relative(path.join(root, 'shared'), file).split(path.sep);
  return room !== undefined && inside !== undefined ? room : 'shared';
}

/** The relative imports of a source: of values, and of types alone. */
function importsOf(text: string): { from: string; ofTypes: boolean }[] {
  const statements = text.matchAll(/^(?:import|export) ([^;]*?)from '(\.[^']+)'/gms);
  const dynamic = text.matchAll(/import\('(\.[^']+)'\)/g);
  return [
    ...[...statements].map(([, what = '', from = '']) => ({
      from,
      ofTypes: what.startsWith('type ') || /^\{(\s*type \w+( as \w+)?,?)+\s*\} $/.test(what),
    })),
    ...[...dynamic].map(([, from = '']) => ({ from, ofTypes: false })),
  ];
}

interface Allowed {
  values: string[];
  types: string[];
}

const above = ['openApp.ts', 'settings.ts'];

/** What each room imports from other rooms, tests aside. */
function used(): Map<string, Allowed> {
  const found = new Map<string, { values: Set<string>; types: Set<string> }>();
  const names = readdirSync(path.join(root, 'shared'), { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((each) => /(?<!\.test)\.ts$/.test(each) && !above.includes(each))) {
    const file = path.join(root, 'shared', name);
    const room = roomOf(file);
    const own = found.get(room) ?? { values: new Set(), types: new Set() };
    found.set(room, own);
    for (const { from, ofTypes } of importsOf(readFileSync(file, 'utf8'))) {
      const target = path.resolve(path.dirname(file), from);
      const to = above.includes(path.relative(path.join(root, 'shared'), target))
        ? path.basename(target, '.ts')
        : roomOf(target);
      if (to !== room && to !== 'shared') own[ofTypes ? 'types' : 'values'].add(to);
    }
  }
  return new Map(
    [...found].map(([room, { values, types }]) => [
      room,
      { values: [...values].sort(), types: [...types].filter((type) => !values.has(type)).sort() },
    ]),
  );
}

/** What the table of CONTRIBUTING.md lets each room import, from the ground up; `types of` goes for the rest of a cell. */
function table(): Map<string, Allowed> {
  const text = readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (`shared\/.*?) \|.*\| (.*?) \|$/gm)];
  const named = (cell: string) => [...cell.matchAll(/`(\w+)`/g)].map(([, room = '']) => room).sort();
  return new Map(
    rows.flatMap(([, folders = '', imports = '']) => {
      const [values = '', types = ''] = imports.split('types of');
      const rooms = [...folders.matchAll(/`shared\/(?:(\w+)\/|\*\.ts)`/g)];
      return rooms.map(([, room = 'shared']): [string, Allowed] => [
        room,
        { values: named(values), types: named(types) },
      ]);
    }),
  );
}

it('no room imports what its row in the table does not name, and no row names what is not imported', () => {
  const rows = table();
  const imported = used();
  expect([...rows.keys()].sort()).toEqual([...imported.keys()].sort());
  for (const [room, { values, types }] of imported) {
    const row = rows.get(room) ?? { values: [], types: [] };
    expect(row.values, `values in ${room}`).toEqual(expect.arrayContaining(values));
    expect([...row.values, ...row.types].sort(), `all in ${room}`).toEqual([...values, ...types].sort());
  }
});

it('rooms are listed from the ground up: none imports more than types of one that comes later', () => {
  const rooms = [...table().keys()];
  for (const [room, { values }] of table())
    for (const other of values)
      expect(rooms.indexOf(other), `${room} imports ${other}`).toBeLessThan(rooms.indexOf(room));
});

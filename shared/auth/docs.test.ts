import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { settingsSchema } from '../settings.ts';
import { allows, permissions, roles } from './permissions.ts';

const text = await readFile(new URL('../../docs/auth.md', import.meta.url), 'utf8');

it('docs/auth.md has the permission table as it is', () => {
  const rows = [...text.matchAll(/^\| `(\w+)` \|((?: [WR–] \|){11})$/gm)].map(([, area = '', marks = '']) => [
    area,
    marks.match(/[WR–]/g)?.join(''),
  ]);
  const mark = (area: string, role: (typeof roles)[number]) => {
    const may = (what: string) =>
      permissions.some((each) => each === `${area}.${what}` && allows([role], each));
    return may('write') ? 'W' : may('read') ? 'R' : '–';
  };
  const areas = [...new Set(permissions.map((each) => each.split('.')[0] ?? ''))];
  expect(rows).toEqual(areas.map((area) => [area, roles.map((role) => mark(area, role)).join('')]));
});

it('docs/auth.md names settings that there are', () => {
  const named = new Set(text.match(/HOLDFAST_[A-Z_]+/g));
  expect(named.size).toBe(4);
  for (const name of named) expect(Object.keys(settingsSchema.shape)).toContain(name);
});

import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

/** What the runtime lets through to anybody: by its own check of credentials, or because it has nothing to hide. */
const open = {
  'management.ts': 'checks',
  'wire.ts': 'checks',
  'health.ts': 'open',
  'openapi.ts': 'open',
  // looks for a session (test/lossPrevention.test.ts)
  'dashboards.ts': 'open',
};

it('every function for HTTP checks credentials, or is known to need none', async () => {
  const folder = new URL('./', import.meta.url);
  const found: Record<string, string> = {};
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const text = await readFile(new URL(name, folder), 'utf8');
    const registered = text.match(/app\.(http|get|put|post|patch|deleteRequest|generic)\(/g)?.length ?? 0;
    if (registered === 0) continue;
    expect(text.match(/authLevel: '(anonymous|function)'/g), name).toHaveLength(registered);
    found[name] = text.includes('await authenticate(') ? 'checks' : 'open';
  }
  expect(found).toEqual(open);
});

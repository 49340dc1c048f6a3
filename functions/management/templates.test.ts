import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { App } from '../../shared/assessment/app.ts';
import type { Caller } from '../../shared/auth/index.ts';
import { openConfig } from '../../shared/config/index.ts';
import { openApp } from '../../shared/openApp.ts';
import { Problem } from '../../shared/problem.ts';
import { readSettings } from '../../shared/settings.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { dyingStorage } from '../../test/dyingStorage.ts';
import { dispatch, openRouter } from './route.ts';
import { managementRoutes } from './routes.ts';

let azurite: Azurite;
let app: App;
const router = openRouter(managementRoutes);
const admin: Caller = { id: 'admin', kind: 'user', roles: ['ProductAdmin'] };

interface Answer {
  status: number;
  body: unknown;
}

const template = z.looseObject({
  resources: z.array(
    z.object({ kind: z.string(), name: z.string(), content: z.record(z.string(), z.json()) }),
  ),
});
const outcomes = z.object({ items: z.array(z.looseObject({ name: z.string(), outcome: z.string() })) });

async function exported(path: string) {
  return template.parse((await call('GET', path)).body);
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  type = 'application/json',
): Promise<Answer> {
  const [at = '', query = ''] = path.split('?');
  try {
    const reply = await dispatch(
      router,
      {
        method,
        path: `environments/${at}`,
        query: new URLSearchParams(query),
        headers: new Headers({ 'content-type': type }),
        body: async () => new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)),
      },
      app,
      admin,
    );
    return { status: reply.status, body: reply.body };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { status: error.status, body: { detail: error.detail, code: error.code } };
  }
}

const rule = (code: string, assessment = 'Purchase') => ({ assessment, clauses: [{ name: 'c', code }] });

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  for (const [path, body, type] of [
    ['from', { name: 'From' }],
    ['to', { name: 'To' }],
    ['from/lists/Watched', 'Email,Note\ndana@example.com,private\n', 'text/csv'],
    ['from/velocitySets/Users', { velocities: ['SELECT Count() AS n FROM Purchase GROUPBY @"user.userId"'] }],
    ['from/velocitySets/Others', { velocities: ['SELECT Count() AS m FROM Purchase GROUPBY @"user.email"'] }],
    [
      'from/rules/Many',
      rule(
        'RETURN Reject("many") WHEN Velocity.n(@"user.userId", 1h) > 5 AND ContainsKey("Watched", "Email", @"user.email")',
      ),
    ],
    ['from/rules/Plain', rule('RETURN Approve()')],
    [
      'from/externalCalls/reputation',
      {
        method: 'GET',
        url: 'https://reputation.example.com/score',
        headers: [{ name: 'x-key', value: '{{secrets.key}}' }],
        secrets: { key: 'very-secret-value' },
        timeoutMs: 500,
      },
    ],
  ] as const) {
    const { status, body: answer } = await call('PUT', path, body, type);
    expect(status, `${path} ${JSON.stringify(answer)}`).toBe(201);
  }
}, 60_000);
afterAll(() => azurite?.stop());

const named = (items: { kind: string; name: string }[]) =>
  items.map(({ kind, name }) => `${kind}/${name}`).sort();

describe('a template', () => {
  it('of a rule has the rule and what it uses, and nothing else', async () => {
    const body = await exported('from/templates/rules/many');
    expect(named(body.resources)).toEqual(['lists/Watched', 'rules/Many', 'velocitySets/Users']);
  });

  it('of an assessment has its rules and what they use', async () => {
    const body = await exported('from/templates/assessments/Purchase');
    expect(named(body.resources)).toEqual(
      expect.arrayContaining(['lists/Watched', 'rules/Many', 'rules/Plain', 'velocitySets/Users']),
    );
    expect(named(body.resources)).not.toContain('velocitySets/Others');
  });

  it('of an environment has everything of its own, but neither secrets nor rows', async () => {
    const body = await exported('from/templates/environments/own');
    expect(named(body.resources)).toEqual(
      expect.arrayContaining(['externalCalls/reputation', 'velocitySets/Others', 'rules/Plain']),
    );
    const text = JSON.stringify(body);
    expect(text).not.toContain('very-secret-value');
    expect(text).not.toContain('dana@example.com');
  });

  it('of what is not there is 404', async () => {
    expect((await call('GET', 'from/templates/rules/None')).status).toBe(404);
    expect((await call('GET', 'nowhere/templates/environments/own')).status).toBe(404);
  });
});

describe('an import', () => {
  it('previews without writing, then writes all, then finds nothing left to do', async () => {
    const given = await exported('from/templates/environments/own');
    const before = await exported('to/templates/environments/own');
    const preview = await call('POST', 'to/templates/environments?preview=true', given);
    expect(preview.status, JSON.stringify(preview.body)).toBe(200);
    expect((await exported('to/templates/environments/own')).resources).toEqual(before.resources);
    const { entries } = await app.config.activity('to', { limit: 500 });

    const imported = await call('POST', 'to/templates/environments', given);
    expect(imported).toEqual(preview);
    const reputation = outcomes.parse(imported.body).items.find(({ name }) => name === 'reputation');
    expect(reputation).toMatchObject({ outcome: 'created', secretsToSet: true });
    expect((await exported('to/templates/environments/own')).resources).toEqual(given.resources);
    expect((await app.config.activity('to', { limit: 500 })).entries.length).toBeGreaterThan(entries.length);

    const again = await call('POST', 'to/templates/environments', given);
    const { items } = outcomes.parse(again.body);
    expect(new Set(items.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
  });

  it('takes no external call with the value of a secret, or to where none may go', async () => {
    const given = await exported('from/templates/environments/own');
    const target = { method: 'GET', url: 'https://reputation.example.com/', timeoutMs: 500 };
    for (const content of [
      { ...target, url: `${target.url}?code=very-secret-value` },
      { ...target, headers: [{ name: 'x-api-key', value: 'very-secret-value' }] },
      { ...target, secrets: { own: 'very-secret-value' } },
      { ...target, url: 'https://169.254.169.254/' },
    ]) {
      const other = { ...given, resources: [{ kind: 'externalCalls', name: 'leaky', content }] };
      expect(await call('POST', 'to/templates/environments', other)).toMatchObject({
        status: 400,
        body: { code: 'InvalidBody' },
      });
      expect((await call('GET', 'to/externalCalls/leaky')).status).toBe(404);
    }
  });

  it('keeps the secrets of an external call that is there, while they go to the same host', async () => {
    await call('PUT', 'kept', { name: 'Kept' });
    const given = await exported('from/templates/environments/own');
    const into = async (body: object) => {
      const answer = await call('POST', 'kept/templates/environments', body);
      return outcomes.parse(answer.body).items.find(({ name }) => name === 'reputation');
    };
    expect(await into(given)).toMatchObject({ outcome: 'created', secretsToSet: true });
    const path = 'kept/externalCalls/reputation';
    const content = given.resources.find(({ name }) => name === 'reputation')?.content;
    const set = await call('PUT', path, { ...content, secrets: { key: 'another-secret' } });
    expect(set.status).toBe(200);
    expect(await into(given)).toEqual({ kind: 'externalCalls', name: 'reputation', outcome: 'unchanged' });
    expect((await call('GET', path)).body).toEqual(set.body);
    const moved = { ...content, url: 'https://elsewhere.example.com/score' };
    const resources = [{ kind: 'externalCalls', name: 'reputation', content: moved }];
    expect(await into({ ...given, resources })).toMatchObject({ outcome: 'updated', secretsToSet: true });
  });

  it('takes what only looks like a secret as it is', async () => {
    const samplePayload = { stored: 'in the cellar' };
    await call('PUT', 'from/assessments/Purchase', { samplePayload });
    const given = await exported('from/templates/assessments/Purchase');
    const settings = given.resources.find(({ kind }) => kind === 'assessments');
    await call('DELETE', 'from/assessments/Purchase');
    expect(settings?.content).toMatchObject({ samplePayload });
  });

  it('keeps the rows of a list that is there', async () => {
    const given = await exported('from/templates/rules/Many');
    await call('POST', 'from/templates/rules', given);
    const { body } = await call('GET', 'from/lists/Watched/preview');
    expect(body).toMatchObject({ total: 1 });
  });

  it('of something that does not compile writes nothing at all', async () => {
    const given = await exported('from/templates/rules/Plain');
    const broken = {
      ...given,
      resources: [
        { kind: 'rules', name: 'Good', content: rule('RETURN Approve()') },
        { kind: 'rules', name: 'Bad', content: rule('RETURN Reject() WHEN Velocity.none(@x, 1h) > 1') },
      ],
    };
    const blobs = async () => {
      const names: string[] = [];
      for await (const { name } of app.storage.blobs('config').list('')) names.push(name);
      return names;
    };
    const before = await blobs();
    for (const path of ['to/templates/rules', 'to/templates/rules?preview=true']) {
      expect(await call('POST', path, broken)).toMatchObject({
        status: 422,
        body: { code: 'DoesNotCompile' },
      });
    }
    expect((await call('GET', 'to/rules/Good')).status).toBe(404);
    expect(await blobs()).toEqual(before);
  });

  it('is whole, or has not happened, wherever the process dies', async () => {
    const { resources } = await exported('from/templates/environments/own');
    let died = true;
    for (let writes = 0; died; writes++) {
      const environment = `torn${writes}`;
      await call('PUT', environment, { name: environment });
      const before = await exported(`${environment}/templates/environments/own`);
      const config = openConfig(dyingStorage(app.storage, writes));
      died = await config.putTemplate(environment, resources, { by: 'test', preview: false }).then(
        () => false,
        () => true,
      );
      const after = await exported(`${environment}/templates/environments/own`);
      const whole = named(after.resources).join() === named(resources).join();
      if (!whole) expect(after.resources).toEqual(before.resources);
      expect(whole || died).toBe(true);
    }
  });

  it('of another kind, of unknown kinds of resources, or of a capacity is refused', async () => {
    const given = await exported('from/templates/rules/Plain');
    expect((await call('POST', 'to/templates/environments', given)).status).toBe(400);
    for (const kind of ['capacities', 'assessments', 'nothing']) {
      const other = { ...given, resources: [{ kind, name: 'purchase', content: {} }] };
      expect((await call('POST', 'to/templates/rules', other)).status, kind).toBe(400);
    }
    expect((await call('POST', 'to/templates/rules?preview=yes', given)).status).toBe(400);
  });
});

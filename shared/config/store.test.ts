import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { Problem } from '../problem.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { type Config, openConfig } from './index.ts';

const by = { by: 'ann' };
let azurite: Azurite;
let storage: Storage;
let config: Config;
let env: string;
let count = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  config = openConfig(storage);
});
afterAll(() => azurite?.stop());
beforeEach(async () => {
  env = `root${++count}`;
  await config.putEnvironment(env, { name: env }, by);
});

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const outcome = await work.then(
    (value) => value,
    (error: unknown) => error,
  );
  if (outcome instanceof Problem) return outcome;
  throw new Error(`not refused: ${JSON.stringify(outcome)}`);
}

const ruleOf = (code: string, more: object = {}) => ({
  assessment: 'Purchase',
  clauses: [{ name: 'c1', code }],
  ...more,
});
const readsList = (column = 'Email') =>
  ruleOf(`RETURN Reject("risky") WHEN ContainsKey("Risky emails", "${column}", @"user.email")`);
const velocity = (name: string, aggregate = 'Count()') =>
  `SELECT ${aggregate} AS ${name} FROM Purchase GROUPBY @"user.userId"`;
const csv = (text: string) => new TextEncoder().encode(text);
const putRule = (name: string, body: unknown, where = env) => config.put(where, 'rules', name, body, by);
const putList = (text: string, where = env) => config.putList(where, 'Risky emails', csv(text), by);

describe('a resource', () => {
  it('gets a new version with each change, and none where nothing changes', async () => {
    const first = await putRule('R', ruleOf('RETURN Approve()'));
    const again = await putRule('R', ruleOf('RETURN Approve()'));
    const second = await putRule('r', ruleOf('RETURN Review()'));
    expect([first, again, second].map(({ outcome, entry }) => [outcome, entry.latest.version])).toEqual([
      ['created', 1],
      ['unchanged', 1],
      ['updated', 2],
    ]);
    expect(again.etag).toBe(first.etag);
    expect(second.etag).not.toBe(first.etag);
    expect((await config.get(env, 'rules', 'R')).entry.name).toBe('r');
  });

  it('is written and removed only under the conditions given', async () => {
    const body = ruleOf('RETURN Approve()');
    const { etag } = await config.put(env, 'rules', 'R', body, { ...by, ifAbsent: true });
    const change = ruleOf('RETURN Review()');
    expect((await refusal(config.put(env, 'rules', 'R', change, { ...by, ifAbsent: true }))).status).toBe(
      412,
    );
    await config.put(env, 'rules', 'R', change, { ...by, ifMatch: ['"other"', etag] });
    expect((await refusal(config.put(env, 'rules', 'R', body, { ...by, ifMatch: [etag] }))).status).toBe(412);
    expect((await refusal(config.remove(env, 'rules', 'R', { ...by, ifMatch: [etag] }))).status).toBe(412);
    expect((await refusal(config.put(env, 'rules', 'New', body, { ...by, ifMatch: ['*'] }))).status).toBe(
      412,
    );
  });

  it('has its versions kept, beyond its deletion, and any of them can come back', async () => {
    await putRule('R', ruleOf('RETURN Approve()'));
    await putRule('R', ruleOf('RETURN Review()'));
    await config.remove(env, 'rules', 'R', by);
    expect((await refusal(config.get(env, 'rules', 'R'))).status).toBe(404);
    const versions = await config.versions(env, 'rules', 'R', { limit: 10 });
    expect(versions.map(({ version }) => version)).toEqual([2, 1]);
    const back = await config.rollback(env, 'rules', 'R', 1, by);
    expect(back.entry.latest.version).toBe(3);
    expect(back.document).toMatchObject({
      restored: 1,
      content: { clauses: [{ code: 'RETURN Approve()' }] },
    });
    expect((await refusal(config.rollback(env, 'rules', 'R', 9, by))).status).toBe(404);
    const older = await config.versions(env, 'rules', 'R', { limit: 1, before: 3 });
    expect(older.map(({ version }) => version)).toEqual([2]);
  });

  it('may have any name, also one that JavaScript knows', async () => {
    const names = ['__proto__', 'constructor', 'ключ / \\ # ? %', '👍'];
    for (const name of names) await putRule(name, ruleOf('RETURN Approve()'));
    const { resources } = await openConfig(storage).list(env, 'rules');
    expect(resources.map(({ entry }) => entry.name)).toEqual(expect.arrayContaining(names));
  });

  it('that is a rule runs last where it names no order, and keeps its place', async () => {
    await putRule('A', ruleOf('RETURN Approve()', { order: 40 }));
    const b = await putRule('B', ruleOf('RETURN Approve()'));
    expect(b.document.content).toMatchObject({ order: 50 });
    await putRule('C', ruleOf('RETURN Approve()', { order: 45 }));
    const again = await putRule('B', ruleOf('RETURN Review()'));
    expect(again.document.content).toMatchObject({ order: 50 });
    const rules = (await config.snapshot(env)).chain[0]?.assessment('purchase').rules.rules;
    expect(rules?.map(({ name }) => name)).toEqual(['Default Support Rule', 'A', 'C', 'B']);
  });

  it('belongs to an assessment that exists', async () => {
    const rule = { ...ruleOf('RETURN Approve()'), assessment: 'Loyalty' };
    expect((await refusal(putRule('R', rule))).errors?.[0]?.path).toBe('assessment');
    await config.put(env, 'assessments', 'loyalty', { behavior: 'RunFirstMatching' }, by);
    await putRule('R', rule);
    expect((await config.snapshot(env)).chain[0]?.assessment('Loyalty').behavior).toBe('RunFirstMatching');
    expect((await refusal(config.remove(env, 'assessments', 'Loyalty', by))).extra?.references).toMatchObject(
      [{ kind: 'rules', name: 'R' }],
    );
  });
});

describe('code', () => {
  it('that does not compile is refused with its diagnostics, and stored as a draft', async () => {
    const bad = ruleOf('RETURN Reject("x") WHEN ContainsKey("No list", "Email", @"user.email")');
    const problem = await refusal(putRule('R', bad));
    expect(problem.status).toBe(422);
    expect(problem.extra?.diagnostics).toMatchObject([
      { rule: 'R', clause: 'c1', severity: 'error', code: 'unknown-list', line: 1 },
    ]);
    const draft = await putRule('R', { ...bad, status: 'Draft' });
    expect(draft.diagnostics).toMatchObject([{ severity: 'error', code: 'unknown-list' }]);
    const rules = (await config.snapshot(env)).chain[0]?.assessment('Purchase').rules.rules;
    expect(rules?.map(({ name }) => name)).toEqual(['Default Support Rule']);
  });

  it('of a draft stands beside what is published, until it is published itself', async () => {
    await putRule('R', ruleOf('RETURN Approve()'));
    const { entry } = await putRule('R', ruleOf('RETURN Review()', { status: 'Draft' }));
    expect(entry).toMatchObject({
      latest: { version: 2, status: 'Draft' },
      published: { version: 1, status: 'Active' },
    });
    const inForce = async () =>
      (await config.snapshot(env)).chain[0]?.assessment('Purchase').versions.rules.R;
    expect(await inForce()).toBe(1);
    await putRule('R', ruleOf('RETURN Review()'));
    expect(await inForce()).toBe(3);
  });

  it('of an inactive rule does not run', async () => {
    await putRule('R', ruleOf('RETURN Approve()', { status: 'Inactive' }));
    expect((await config.snapshot(env)).chain[0]?.assessment('Purchase').versions.rules).not.toHaveProperty(
      'R',
    );
  });
});

describe('a list that a rule reads', () => {
  beforeEach(async () => {
    await putList('Email,Status\nkayla@contoso.com,Risky\n');
    await putRule('Reader', readsList());
  });

  it('is not deleted, and says where it is used', async () => {
    const problem = await refusal(config.remove(env, 'lists', 'risky emails', by));
    expect(problem).toMatchObject({ status: 409, code: 'InUse' });
    expect(problem.extra?.references).toMatchObject([
      { kind: 'rules', name: 'Reader', status: 'Active', column: 'Email' },
    ]);
    expect(await config.references(env, 'lists', 'Risky emails')).toMatchObject([{ name: 'Reader' }]);
    await config.remove(env, 'rules', 'Reader', by);
    await config.remove(env, 'lists', 'Risky emails', by);
    expect((await refusal(config.get(env, 'lists', 'Risky emails'))).status).toBe(404);
  });

  it('does not lose a column that is read', async () => {
    expect(await refusal(putList('Mail,Status\nkayla@contoso.com,Risky\n'))).toMatchObject({
      status: 409,
      code: 'InUse',
    });
    await putList('Status,EMAIL\nSafe,kayla@contoso.com\n');
    const reader = (await config.snapshot(env)).chain[0]?.list('RISKY EMAILS');
    expect(reader?.lookup('Email', 'Kayla@contoso.com')).toEqual({
      Status: 'Safe',
      EMAIL: 'kayla@contoso.com',
    });
  });

  it('stays as it is when a bad file is uploaded', async () => {
    expect((await refusal(putList('Email,Status\na,b,c\n'))).status).toBe(400);
    expect((await config.get(env, 'lists', 'Risky emails')).entry.latest.version).toBe(1);
  });

  it('may be deleted, or a rule that reads it published, but never both', async () => {
    await config.remove(env, 'rules', 'Reader', by);
    for (let round = 0; round < 5; round++) {
      await putList('Email\nkayla@contoso.com\n');
      const outcomes = await Promise.allSettled([
        openConfig(storage).remove(env, 'lists', 'Risky emails', by),
        ...['A', 'B'].map((name) => openConfig(storage).put(env, 'rules', name, readsList(), by)),
      ]);
      const [removed, ...published] = outcomes.map(({ status }) => status === 'fulfilled');
      expect(published.every((each) => each === !removed)).toBe(true);
      const { resources } = await config.list(env, 'rules');
      const rules = resources.map(({ entry }) => entry.name).filter((name) => name.length === 1);
      expect(rules).toEqual(removed ? [] : ['A', 'B']);
      for (const name of rules) await config.remove(env, 'rules', name, by);
    }
  });
});

describe('a velocity', () => {
  const put = (velocities: string[], more: object = {}) =>
    config.put(env, 'velocitySets', 'V', { velocities, ...more }, by);
  const ids = async () => {
    const own = (await config.snapshot(env)).chain[0];
    return ['n', 'm', 'total'].map((name) => own?.velocity(name));
  };

  it('keeps its identity while its name and aggregate stay, and gets a new one otherwise', async () => {
    await put([velocity('n'), velocity('total', 'Sum(@"totalAmount")')]);
    const [n, , total] = await ids();
    expect(new Set([n?.id, total?.id]).size).toBe(2);
    await put([velocity('total', 'Sum(@"salesTax")'), velocity('N')]);
    const [again, , sum] = await ids();
    expect([again?.id, sum?.id]).toEqual([n?.id, total?.id]);
    expect(again?.version).toBe(2);
    await put([velocity('n', 'DistinctCount(@"user.email")'), velocity('m')]);
    const [other, renamed] = await ids();
    expect(new Set([n?.id, total?.id, other?.id, renamed?.id]).size).toBe(4);
  });

  it('keeps its identity over a draft, and has a new one after a deletion', async () => {
    await put([velocity('n')]);
    const [before] = await ids();
    await put(['SELECT nonsense'], { status: 'Draft' });
    await put([velocity('n'), velocity('m')]);
    expect((await ids())[0]?.id).toBe(before?.id);
    await config.remove(env, 'velocitySets', 'V', by);
    await put([velocity('n')]);
    expect((await ids())[0]?.id).not.toBe(before?.id);
  });

  it('is read from the most shards that were ever written', async () => {
    await put([velocity('n')], { shards: 8 });
    await put([velocity('n')], { shards: 2 });
    expect((await ids())[0]).toMatchObject({ shards: 8, writeShards: 2 });
    await put([velocity('n')], { shards: 16 });
    expect((await ids())[0]).toMatchObject({ shards: 16, writeShards: 16 });
  });

  it('has a name that no other set of the environment uses', async () => {
    await put([velocity('n')]);
    const other = config.put(env, 'velocitySets', 'W', { velocities: [velocity('m'), velocity('N')] }, by);
    expect(await refusal(other)).toMatchObject({ status: 409, errors: [{ path: 'velocities[1]' }] });
  });

  it('that a rule reads stays', async () => {
    await put([velocity('n'), velocity('m')]);
    await putRule('R', ruleOf('RETURN Review() WHEN Velocity.n(@"user.userId", 1h) > 3'));
    expect((await refusal(put([velocity('m')]))).extra?.references).toMatchObject([
      { kind: 'rules', name: 'R' },
    ]);
    expect((await refusal(config.remove(env, 'velocitySets', 'V', by))).status).toBe(409);
    await put([velocity('n')]);
  });

  it('of an inactive set is known and not counted', async () => {
    await put([velocity('n')], { status: 'Inactive' });
    const own = (await config.snapshot(env)).chain[0];
    expect(own?.velocity('n')).toBeDefined();
    expect(own?.velocitySets('Purchase')).toHaveLength(4); // the built-in ones
  });
});

describe('a function', () => {
  const body = (code: string) => ({
    parameters: [{ name: '_email', type: 'String', default: '' }],
    outputs: [{ name: 'status', type: 'String', default: '', code }],
  });
  const reading = (column: string) => body(`RETURN Lookup("Risky emails", "${column}", _email, "Status")`);
  const put = (code: object) => config.put(env, 'functions', 'EmailRisk', code, by);
  beforeEach(() => putList('Email,Status\nkayla@contoso.com,Risky\n'));

  it('is called from below, and neither it nor what it reads goes away then', async () => {
    await put(reading('Email'));
    await config.putEnvironment(`${env}/child`, { name: 'Child' }, by);
    const rule = ruleOf('RETURN Reject() WHEN Functions.parent.EmailRisk(@"user.email").status == "Risky"');
    await putRule('R', rule, `${env}/child`);
    const uses = (await refusal(config.remove(env, 'functions', 'emailrisk', by))).extra?.references;
    expect(uses).toMatchObject([{ kind: 'rules', name: 'R', environmentName: 'Child' }]);
    const list = await refusal(config.remove(env, 'lists', 'Risky emails', by));
    expect(list.extra?.references).toContainEqual(
      expect.objectContaining({ kind: 'functions', name: 'EmailRisk' }),
    );
    const other = {
      ...reading('Email'),
      outputs: [{ name: 'other', type: 'String', default: '', code: 'RETURN _email' }],
    };
    expect((await refusal(put(other))).extra?.references).toMatchObject([
      { name: 'R', message: expect.any(String) },
    ]);
    await config.remove(`${env}/child`, 'rules', 'R', by);
    await config.remove(env, 'functions', 'EmailRisk', by);
    await config.remove(env, 'lists', 'Risky emails', by);
  });

  it('with a fault is refused with its place', async () => {
    expect((await refusal(put(reading('Mail')))).extra?.diagnostics).toMatchObject([
      { rule: 'EmailRisk', clause: 'status', severity: 'error', line: 1 },
    ]);
  });

  it('has a name that can stand in code, and 29 others beside it', async () => {
    expect(
      (await refusal(config.put(env, 'functions', 'Email risk', body('RETURN _email'), by))).status,
    ).toBe(400);
    for (let index = 0; index < 30; index++)
      await config.put(env, 'functions', `F${index}`, body('RETURN _email'), by);
    expect(await refusal(config.put(env, 'functions', 'F30', body('RETURN _email'), by))).toMatchObject({
      status: 409,
      code: 'LimitReached',
    });
  });
});

describe('writers at the same time', () => {
  it('all get their change in, and each change is logged once', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `Rule ${index}`);
    await Promise.all(
      names.map((name) =>
        openConfig(storage).put(env, 'rules', name, ruleOf('RETURN Approve()'), { by: name }),
      ),
    );
    const { resources } = await config.list(env, 'rules');
    expect(resources.map(({ entry }) => entry.name)).toEqual(expect.arrayContaining(names));
    const { entries } = await config.activity(env, { limit: 100, filter: { kind: 'rules' } });
    expect(entries.map(({ name }) => name).sort()).toEqual([...names].sort());
    expect(entries.map(({ name, by: who }) => name === who)).not.toContain(false);
  });

  it('under one condition: one succeeds', async () => {
    const { etag } = await putRule('R', ruleOf('RETURN Approve()'));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, (_, index) =>
        openConfig(storage).put(env, 'rules', 'R', ruleOf(`RETURN Review("${index}")`), {
          ...by,
          ifMatch: [etag],
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await config.get(env, 'rules', 'R')).entry.latest.version).toBe(2);
  });
});

describe('the activity log', () => {
  it('has who did what, newest first, with what differs', async () => {
    await putRule('R', ruleOf('RETURN Approve()'));
    await config.put(env, 'rules', 'R', ruleOf('RETURN Review()'), { by: 'bob' });
    await config.put(env, 'rules', 'R', ruleOf('RETURN Review()', { status: 'Inactive' }), by);
    await config.remove(env, 'rules', 'R', { by: 'carl' });
    const { entries } = await config.activity(env, { limit: 10 });
    expect(entries.map(({ operation, kind, by: who, version }) => [operation, kind, who, version])).toEqual([
      ['Delete', 'rules', 'carl', 3],
      ['Deactivate', 'rules', 'ann', 3],
      ['Update', 'rules', 'bob', 2],
      ['Create', 'rules', 'ann', 1],
      ['Create', 'environments', 'ann', 1],
    ]);
    expect(entries[2]).toMatchObject({
      name: 'R',
      before: { clauses: [{ code: 'RETURN Approve()' }] },
      after: { clauses: [{ code: 'RETURN Review()' }] },
    });
    expect(entries[1]?.before).toEqual({ status: 'Active' });
  });

  it('shows what happened below an environment too, in pages', async () => {
    await config.putEnvironment(`${env}/child`, { name: 'Child' }, by);
    for (const name of ['A', 'B', 'C']) await putRule(name, ruleOf('RETURN Approve()'), `${env}/child`);
    const first = await config.activity(env, { limit: 2, filter: { kind: 'rules' } });
    const second = await config.activity(env, {
      limit: 2,
      filter: { kind: 'rules' },
      ...(first.next ? { from: first.next } : {}),
    });
    expect([...first.entries, ...second.entries].map(({ name }) => name)).toEqual(['C', 'B', 'A']);
    expect(first.entries[0]?.environmentName).toBe('Child');
    const own = await config.activity(`${env}/child`, { limit: 10 });
    expect(own.entries).toHaveLength(4);
  });

  it('has a change of a support list', async () => {
    const { view } = await config.environment(env);
    await config.supportLists.write(
      view.id,
      'Email Support List',
      ['a@b.c'],
      { status: 'Block' },
      { by: 'bob' },
    );
    const { entries } = await config.activity(env, { limit: 10, filter: { kind: 'supportLists' } });
    expect(entries).toMatchObject([
      { operation: 'Create', by: 'bob', name: 'Email Support List/a@b.c', after: { status: 'Block' } },
    ]);
  });

  it('gets the entry of a writer that died right after its commit, once', async () => {
    // this writer gets no further than its commit
    const broken: Storage = {
      ...storage,
      table: (name) => {
        const table = storage.table(name);
        if (name !== 'activity') return table;
        return {
          ...table,
          put: async (row, etag) => {
            if (JSON.stringify(row).includes('\\"name\\":\\"R\\"')) throw new Error('the process dies');
            return table.put(row, etag);
          },
        };
      },
    };
    await openConfig(broken, { log: () => {} }).put(env, 'rules', 'R', ruleOf('RETURN Approve()'), by);
    const logged = async (reader: Config) =>
      (await reader.activity(env, { limit: 10, filter: { name: 'R' } })).entries.map(
        ({ operation }) => operation,
      );
    expect(await logged(openConfig(storage))).toEqual(['Create']);
    await putRule('Other', ruleOf('RETURN Approve()'));
    expect(await logged(openConfig(storage))).toEqual(['Create']);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { Problem } from '../problem.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { assessmentSchema, fieldsOf } from './assessments.ts';
import { type Config, definitionOf, openConfig, templateNames, templates } from './index.ts';

const parse = (body: object) => assessmentSchema.parse(body);
const faults = (body: object) =>
  assessmentSchema.safeParse(body).error?.issues.map(({ path }) => path.join('.'));

describe('the definition of an assessment', () => {
  it('takes templates and types in the words people write', () => {
    for (const template of ['Money transfer', 'moneyTransfer', 'MONEY_TRANSFER'])
      expect(parse({ template }).template).toBe('MoneyTransfer');
    const { customFields } = parse({
      customFields: [
        { name: 'a', type: 'IP address' },
        { name: 'b', type: 'Integer' },
        { name: 'c', type: 'Double', required: true },
      ],
    });
    expect(customFields?.map(({ type }) => type)).toEqual(['ip', 'integer', 'number']);
    expect(faults({ template: 'Chess' })).toEqual(['template']);
  });

  it('names fields by section, custom ones under custom', () => {
    const body = parse({
      sections: ['user', { name: 'loyalty', fields: [{ name: 'points', type: 'integer', required: true }] }],
      customFields: [
        { name: 'channel', searchable: true },
        { name: 'shop.id', type: 'number' },
      ],
    });
    expect(fieldsOf(body)).toEqual([
      { path: 'loyalty.points', type: 'integer', required: true, searchable: false },
      { path: 'custom.channel', type: 'string', required: false, searchable: true },
      { path: 'shop.id', type: 'number', required: false, searchable: false },
    ]);
  });

  it('has its template’s sample, with its own fields in their places', () => {
    const { samplePayload, dataSubjectIds } = parse({
      template: 'LoyaltyProgram',
      customFields: [
        { name: 'channel', sample: 'web' },
        { name: '__proto__.x', type: 'boolean' },
      ],
    });
    expect(samplePayload).toMatchObject({ loyalty: { action: 'Redeem' }, custom: { channel: 'web' } });
    expect(dataSubjectIds).toEqual(['user.id']);
    expect(Object.getPrototypeOf(samplePayload)).toBe(Object.prototype);
    expect(parse({ template: 'Custom', samplePayload: { mine: 1 } }).samplePayload).toEqual({ mine: 1 });
  });

  it('says the same when it is read again', () => {
    for (const template of templateNames) {
      const once = parse({ template, customFields: [{ name: 'n', type: 'email', required: true }] });
      expect(parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
      expect(Object.keys(templates[template].samplePayload)).toContain('metadata');
    }
  });

  it('has at most two data subject ids beside metadata.eventId', () => {
    expect(parse({ dataSubjectIds: ['metadata.eventId', 'user.id', 'user.email'] }).dataSubjectIds).toEqual([
      'user.id',
      'user.email',
    ]);
    expect(faults({ dataSubjectIds: ['a', 'b', 'c'] })).toEqual(['dataSubjectIds']);
    expect(faults({ dataSubjectIds: ['user["id"]'] })).toEqual(['dataSubjectIds.0']);
  });

  it('refuses fields that are called the same', () => {
    expect(faults({ customFields: [{ name: 'a' }, { name: 'A' }] })).toEqual(['customFields.1.name']);
  });
});

describe('the assessments of an environment', () => {
  let azurite: Azurite;
  let storage: Storage;
  let config: Config;
  let env: string;
  let count = 0;
  const by = { by: 'ann' };
  const put = (name: string, body: object = {}) => config.put(env, 'assessments', name, body, by);
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof Problem ? error.code : String(error)),
    );

  beforeAll(async () => {
    azurite = await startAzurite();
    storage = openStorage({ connectionString: azurite.connectionString });
  });
  afterAll(() => azurite?.stop());
  beforeEach(async () => {
    env = `tree${++count}`;
    config = openConfig(storage);
    await config.putEnvironment(env, { name: env }, by);
  });

  it('are at most 16, and 3 of the legacy kind; built-in ones do not count', async () => {
    await put('Purchase', { behavior: 'RunFirstMatching' });
    for (let i = 0; i < 16; i++) await put(`A${i}`, { template: 'Custom' });
    expect(await codeOf(put('A16'))).toBe('LimitReached');
    for (let i = 0; i < 3; i++) await put(`L${i}`, { template: 'Legacy' });
    expect(await codeOf(put('L3', { template: 'legacy' }))).toBe('LimitReached');
    // what is there may be changed
    await put('A0', { template: 'Custom', description: 'changed' });
    await put('AccountLogin');
  });

  it('are found by name and API name, from below too; no two have one name', async () => {
    await put('Money transfer', { apiName: 'MoneyTransfer' });
    await config.putEnvironment(`${env}-below`, { name: 'below', parent: env }, by);
    const snapshot = await config.snapshot(`${env}-below`);
    for (const name of ['money transfer', 'MONEYTRANSFER'])
      expect(definitionOf(snapshot, name)).toMatchObject({
        name: 'Money transfer',
        apiName: 'MoneyTransfer',
      });
    expect(definitionOf(snapshot, 'Purchase')).toBeUndefined();
    expect(await codeOf(put('moneytransfer'))).toBe('NameTaken');
    expect(await codeOf(put('Other', { apiName: 'Moneytransfer' }))).toBe('NameTaken');
    expect(await codeOf(put('Other', { apiName: 'evaluate' }))).toBe('InvalidBody');
  });

  it('keep what stored events rely on: fields by name and type, data subject ids', async () => {
    const first = {
      template: 'Custom',
      sections: [{ name: 'user', fields: [{ name: 'age', type: 'integer' }] }],
      customFields: [{ name: 'channel' }],
      dataSubjectIds: ['user.id'],
    };
    await put('A', first);
    const change = (body: object) =>
      put('A', { ...first, ...body }).then(
        () => [],
        (error: unknown) => (error instanceof Problem ? [error.code, ...(error.errors ?? [])] : [error]),
      );
    expect(await change({ customFields: [{ name: 'channel', type: 'boolean' }] })).toEqual([
      'Fixed',
      { path: 'custom.channel', message: 'its type stays string' },
    ]);
    expect(await change({ customFields: [], dataSubjectIds: ['user.email'] })).toEqual([
      'Fixed',
      { path: 'custom.channel', message: 'a custom field stays, under its name' },
      { path: 'dataSubjectIds', message: 'user.id stays a data subject id' },
    ]);
    expect(
      await change({
        sections: [],
        customFields: [{ name: 'Channel', required: true, friendlyName: 'Kanal' }, { name: 'shop' }],
        dataSubjectIds: ['User.Id', 'user.email'],
      }),
    ).toEqual([]);
    // deleted, the name is free for another
    await config.remove(env, 'assessments', 'A', by);
    await put('A', { template: 'Custom', customFields: [{ name: 'channel', type: 'boolean' }] });
  });

  it('stay, and keep their API name, while rules or velocities use them', async () => {
    const problem = (work: Promise<unknown>) =>
      work.then(
        () => undefined,
        (error: unknown) => (error instanceof Problem ? error : undefined),
      );
    await put('A', { template: 'Custom', apiName: 'A1' });
    await put('Old', { template: 'Legacy', apiName: 'O1' });
    await config.putEnvironment(`${env}-below`, { name: 'below', parent: env }, by);
    const velocities = ['A', 'a1:status', 'Assessment_A1', 'assessment_a:label', 'O1', 'A11'].map(
      (from, index) => `SELECT Count() AS v${index} FROM ${from} GROUPBY @"metadata.sessionId"`,
    );
    const names = ['one', 'two', 'three', 'four', 'five', 'other'];
    for (const [index, name] of names.entries())
      await config.put(`${env}-below`, 'velocitySets', name, { velocities: [velocities[index]] }, by);

    const refused = await problem(config.remove(env, 'assessments', 'A', by));
    expect([refused?.status, refused?.code]).toEqual([409, 'InUse']);
    expect(refused?.extra?.references).toMatchObject(
      ['one', 'two', 'three', 'four'].map((name) => ({ kind: 'velocitySets', name })),
    );
    expect(await config.references(env, 'assessments', 'A')).toHaveLength(4);
    const renamed = await problem(put('A', { template: 'Custom', apiName: 'A2' }));
    expect([renamed?.status, renamed?.code]).toEqual([409, 'InUse']);
    expect(renamed?.extra?.references).toHaveLength(4);
    await put('A', { template: 'Custom', apiName: 'a1', description: 'the same API name' });
    // of a legacy one it may change at any time
    await put('Old', { template: 'Legacy', apiName: 'O2' });

    for (const name of names.slice(0, 4)) await config.remove(`${env}-below`, 'velocitySets', name, by);
    await put('A', { template: 'Custom', apiName: 'A2' });
    await config.remove(env, 'assessments', 'A', by);
  });

  it('are not deleted while they are shared', async () => {
    await put('A', { template: 'Custom', sharing: 'Shared' });
    expect(await codeOf(config.remove(env, 'assessments', 'A', by))).toBe('Kept');
    await put('A', { template: 'Custom', sharing: 'Private' });
    expect(await codeOf(config.remove(env, 'assessments', 'A', by))).toBe('done');
  });

  it('are not called like an event', async () => {
    for (const name of ['BankEvent', 'label', 'A:status'])
      expect(await codeOf(put(name)), name).toBe('InvalidName');
    expect(await codeOf(put('Mine', { apiName: 'purchaseStatus' }))).toBe('InvalidBody');
    expect(await codeOf(put('SignUp', { behavior: 'RunFirstMatching' }))).toBe('done');
  });
});

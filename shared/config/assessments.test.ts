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

  it('are not called like an event', async () => {
    for (const name of ['BankEvent', 'label', 'A:status'])
      expect(await codeOf(put(name)), name).toBe('InvalidName');
    expect(await codeOf(put('Mine', { apiName: 'purchaseStatus' }))).toBe('InvalidBody');
    expect(await codeOf(put('SignUp', { behavior: 'RunFirstMatching' }))).toBe('done');
  });
});

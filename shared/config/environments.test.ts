import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { Problem } from '../problem.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { type Config, type EnvironmentWrite, openConfig } from './index.ts';

const by = { by: 'ann' };
let azurite: Azurite;
let storage: Storage;
let config: Config;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  config = openConfig(storage);
});
afterAll(() => azurite?.stop());

let count = 0;
const fresh = (prefix = 'env') => `${prefix}${++count}`;

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const outcome = await work.then(
    (value) => value,
    (error: unknown) => error,
  );
  if (outcome instanceof Problem) return outcome;
  throw new Error(`not refused: ${JSON.stringify(outcome)}`);
}

describe('without any environment', () => {
  it('a request that names none is answered with 404', async () => {
    expect((await refusal(config.snapshot())).status).toBe(404);
  });
});

describe('the first root environment', () => {
  it('is the default one, and cannot be deleted', async () => {
    const { view, outcome } = await config.putEnvironment('first', { name: 'First' }, by);
    expect(outcome).toBe('created');
    expect(view).toMatchObject({ apiName: 'first', path: '/first', parent: null, default: true });
    await config.putEnvironment(fresh(), { name: 'Second' }, by);
    expect((await config.snapshot()).id).toBe(view.id);
    expect(await refusal(config.removeEnvironment('first', by))).toMatchObject({
      status: 409,
      code: 'DefaultEnvironment',
    });
  });

  it('gives way to the one that the setting names', async () => {
    const { view } = await config.putEnvironment(fresh(), { name: 'Other' }, by);
    const other = openConfig(storage, { defaultEnvironment: view.apiName });
    expect((await other.snapshot()).id).toBe(view.id);
  });
});

describe('a root that was deleted and comes back under its id', () => {
  it('is found by everybody, also where somebody asked for it while it was made', async () => {
    const name = fresh();
    const { view } = await config.putEnvironment(name, { name: 'Old' }, by);
    await config.removeEnvironment(name, by);
    // who knows only what is in storage asks at the moment before the new one is there
    const asking: Storage = {
      ...storage,
      blobs(container) {
        const blobs = storage.blobs(container);
        return {
          ...blobs,
          async write(blob, content, options) {
            if (blob === `${view.id}/manifest.json`) await refusal(openConfig(storage).snapshot(view.id));
            return blobs.write(blob, content, options);
          },
        };
      },
    };
    const again = await openConfig(asking).putEnvironment(name, { name: 'New', id: view.id }, by);
    expect(again.outcome).toBe('created');
    expect((await openConfig(storage).environment(name)).view.name).toBe('New');
  });
});

describe('a new environment', () => {
  it('has the default support rule and the default velocity sets, which cannot be changed', async () => {
    const name = fresh();
    await config.putEnvironment(name, { name: 'New' }, by);
    const snapshot = await config.snapshot(name);
    const [own] = snapshot.chain;
    expect(own?.assessment('Purchase').rules.rules.map((rule) => rule.name)).toEqual([
      'Default Support Rule',
    ]);
    expect(own?.velocitySets('Purchase')).toHaveLength(4);
    expect(own?.velocity('default_purchasecount_peremail')).toMatchObject({ aggregate: 'count', shards: 1 });
    const set = 'Default - Email velocities';
    const change = config.put(
      name,
      'velocitySets',
      set,
      { velocities: ['SELECT Count() AS a FROM Purchase GROUPBY @"x"'] },
      by,
    );
    expect(await refusal(change)).toMatchObject({ status: 409, code: 'SystemDefined' });
    expect((await refusal(config.remove(name, 'velocitySets', set, by))).status).toBe(409);
    await config.remove(name, 'rules', 'Default Support Rule', by);
    expect((await config.snapshot(name)).chain[0]?.assessment('Purchase').rules.rules).toEqual([]);
  });

  it('may keep an id that its clients send already', async () => {
    const id = randomUUID();
    const apiName = fresh();
    await config.putEnvironment(id, { name: 'Kept', apiName }, by);
    expect((await config.snapshot(`${id.toUpperCase()}/`)).apiName).toBe(apiName);
    expect((await config.snapshot(`/${apiName}`)).id).toBe(id);
    expect((await refusal(config.putEnvironment(fresh(), { name: 'x', id }, by))).status).toBe(409);
  });

  it('is put below its parent by its path or by the body', async () => {
    const root = fresh();
    await config.putEnvironment(root, { name: 'Root' }, by);
    const eu = await config.putEnvironment(`${root}/eu`, { name: 'EU' }, by);
    const shop = await config.putEnvironment('shop', { name: 'Shop', parent: `/${root}/eu` }, by);
    expect(shop.view).toMatchObject({ path: `/${root}/eu/shop`, parent: eu.view.id });
    expect((await config.snapshot(shop.view.path)).chain.map(({ apiName }) => apiName)).toEqual([
      root,
      'eu',
      'shop',
    ]);
  });

  it('is announced before it is written, with where it goes; what then throws keeps it from being written', async () => {
    const [root, name] = [fresh(), fresh()];
    const seen: EnvironmentWrite[] = [];
    const allow = async (write: EnvironmentWrite) => void seen.push(write);
    const one = await config.putEnvironment(root, { name: 'Root' }, { ...by, allow });
    const eu = await config.putEnvironment(`${root}/eu`, { name: 'EU' }, { ...by, allow });
    await config.putEnvironment(`${root}/eu`, { name: 'Europe' }, { ...by, allow });
    await config.putEnvironment(name, { name: 'Shop', parent: eu.view.id }, { ...by, allow });
    const ids = [one.view.id, eu.view.id];
    expect(seen).toEqual([
      { operation: 'create', chain: [], named: '' },
      { operation: 'create', chain: ids.slice(0, 1), named: root },
      { operation: 'update', chain: ids, named: `${root}/eu` },
      { operation: 'create', chain: ids, named: eu.view.id },
    ]);
    const refusing = { ...by, allow: () => Promise.reject(Problem.forbidden('no')) };
    for (const path of [`${root}/us`, fresh()])
      expect((await refusal(config.putEnvironment(path, { name: 'US' }, refusing))).status).toBe(403);
    expect((await refusal(config.environment(`${root}/us`))).status).toBe(404);
    expect((await refusal(config.putEnvironment(root, { name: 'Changed' }, refusing))).status).toBe(403);
    expect((await config.environment(root)).view.name).toBe('Root');
  });

  it('has a chain of ids from its root, under each of its names', async () => {
    const root = fresh();
    const one = await config.putEnvironment(root, { name: 'Root' }, by);
    const eu = await config.putEnvironment(`${root}/eu`, { name: 'EU' }, by);
    const ids = [one.view.id, eu.view.id];
    for (const text of [eu.view.id, `/${root}/eu/`, `${one.view.id}/EU`])
      expect(await config.environmentChain(text)).toEqual(ids);
    expect(await config.environmentChain(root)).toEqual(ids.slice(0, 1));
    expect(await config.environmentChain(undefined)).toEqual([(await config.snapshot()).id]);
    for (const text of ['nowhere', `${root}/nowhere`, randomUUID()])
      expect(await config.environmentChain(text)).toBeUndefined();
    const elsewhere = openConfig(storage);
    const made = await elsewhere.putEnvironment(`${root}/new`, { name: 'New' }, by);
    expect(await config.environmentChain(`${root}/new`)).toEqual([one.view.id, made.view.id]);
  });

  it('is a root where its parent is null, whatever is called so elsewhere', async () => {
    const root = fresh();
    const name = fresh('twin');
    await config.putEnvironment(root, { name: 'Root' }, by);
    await config.putEnvironment(`${root}/${name}`, { name: 'Child' }, by);
    const { view, outcome } = await config.putEnvironment(name, { name: 'Root too', parent: null }, by);
    expect([outcome, view.path]).toEqual(['created', `/${name}`]);
    expect((await config.snapshot(name)).id).toBe(view.id);
  });

  it('needs a parent that exists, and a name that no sibling has', async () => {
    expect((await refusal(config.putEnvironment(fresh(), { name: 'x', parent: 'nowhere' }, by))).status).toBe(
      404,
    );
    expect((await refusal(config.putEnvironment('nowhere/x', { name: 'x' }, by))).status).toBe(404);
    const root = fresh();
    await config.putEnvironment(root, { name: 'Root' }, by);
    await config.putEnvironment(`${root}/a`, { name: 'A' }, by);
    const again = await config.putEnvironment(`${root}/A`, { name: 'A again' }, by);
    expect(again.outcome).toBe('updated');
    expect((await refusal(config.putEnvironment('bad name!', { name: 'x' }, by))).errors?.[0]?.path).toBe(
      'apiName',
    );
  });
});

describe('an environment that exists', () => {
  it('changes its name, description and tags, and nothing else', async () => {
    const root = fresh();
    const created = await config.putEnvironment(root, { name: 'Root' }, by);
    const { view, etag } = await config.putEnvironment(root, { name: 'Neu', tags: ['retail'] }, by);
    expect(view).toMatchObject({ id: created.view.id, name: 'Neu', tags: ['retail'], version: 2 });
    expect(etag).not.toBe(created.etag);
    expect((await config.putEnvironment(root, { name: 'Neu', tags: ['retail'] }, by)).outcome).toBe(
      'unchanged',
    );
    const moved = config.putEnvironment(created.view.id, { name: 'Neu', parent: 'first' }, by);
    expect(await refusal(moved)).toMatchObject({ status: 409, errors: [{ path: 'parent' }] });
    const renamed = config.putEnvironment(created.view.id, { name: 'Neu', apiName: 'other' }, by);
    expect(await refusal(renamed)).toMatchObject({ status: 409, errors: [{ path: 'apiName' }] });
  });

  it('is written under conditions', async () => {
    const root = fresh();
    const { etag } = await config.putEnvironment(root, { name: 'Root' }, { ...by, ifAbsent: true });
    expect(
      (await refusal(config.putEnvironment(root, { name: 'x' }, { ...by, ifAbsent: true }))).status,
    ).toBe(412);
    await config.putEnvironment(root, { name: 'New' }, { ...by, ifMatch: [etag] });
    expect(
      (await refusal(config.putEnvironment(root, { name: 'x' }, { ...by, ifMatch: [etag] }))).status,
    ).toBe(412);
    expect((await refusal(config.removeEnvironment(root, { ...by, ifMatch: [etag] }))).status).toBe(412);
    expect(
      (await refusal(config.putEnvironment(fresh(), { name: 'x' }, { ...by, ifMatch: ['*'] }))).status,
    ).toBe(412);
  });

  it('is deleted only without children, and is gone everywhere then', async () => {
    const root = fresh();
    await config.putEnvironment(root, { name: 'Root' }, by);
    await config.putEnvironment(`${root}/child`, { name: 'Child' }, by);
    const other = openConfig(storage);
    await other.snapshot(`${root}/child`);
    expect(await refusal(config.removeEnvironment(root, by))).toMatchObject({
      status: 409,
      code: 'HasChildren',
    });
    await config.removeEnvironment(`${root}/child`, by);
    await config.removeEnvironment(root, by);
    expect((await refusal(config.snapshot(root))).status).toBe(404);
    expect((await refusal(openConfig(storage).snapshot(root))).status).toBe(404);
    expect((await config.environmentTree()).map(({ apiName }) => apiName)).not.toContain(root);
    expect((await config.putEnvironment(root, { name: 'Again' }, by)).outcome).toBe('created');
  });
});

describe('where a process died', () => {
  const failing = (fails: (name: string) => boolean): Storage => ({
    ...storage,
    blobs(container) {
      const blobs = storage.blobs(container);
      return {
        ...blobs,
        write: async (name, content, options) => {
          if (fails(name)) throw new Error('the process dies');
          return blobs.write(name, content, options);
        },
      };
    },
  });

  it('between the reservation of a root and its manifest: the next PUT completes it', async () => {
    const root = fresh();
    const dying = openConfig(failing((name) => name.endsWith('manifest.json')));
    await expect(dying.putEnvironment(root, { name: 'Root' }, by)).rejects.toThrow('dies');
    expect((await refusal(config.snapshot(root))).status).toBe(404);
    expect((await config.environmentTree()).map(({ apiName }) => apiName)).not.toContain(root);
    expect((await config.putEnvironment(root, { name: 'Root' }, by)).outcome).toBe('created');
    expect((await config.snapshot(root)).path).toBe(`/${root}`);
  });

  it('between the commit of a child and the index: the next PUT or any other write completes it', async () => {
    const root = fresh();
    await config.putEnvironment(root, { name: 'Root' }, by);
    const dying = openConfig(
      failing((name) => name === 'index.json'),
      { log: () => {} },
    );
    await dying.putEnvironment(`${root}/a`, { name: 'A' }, by);
    expect((await refusal(config.environment(`${root}/a`))).status).toBe(404);
    expect((await config.putEnvironment(`${root}/a`, { name: 'A' }, by)).outcome).toBe('unchanged');
    await dying.putEnvironment(`${root}/b`, { name: 'B' }, by);
    await openConfig(storage).put(root, 'assessments', 'Purchase', {}, by);
    expect((await config.environment(`${root}/b`)).view.name).toBe('B');
  });
});

describe('a root that is deleted while the index cannot be written', () => {
  const gone = async () => {
    const root = fresh();
    await config.putEnvironment(root, { name: 'Root' }, by);
    const torn: Storage = {
      ...storage,
      blobs(container) {
        const blobs = storage.blobs(container);
        return {
          ...blobs,
          write: async (name, content, options) => {
            if (name === 'index.json') throw new Error('storage is gone');
            return blobs.write(name, content, options);
          },
        };
      },
    };
    await openConfig(torn, { log: () => {} }).removeEnvironment(root, by);
    return root;
  };

  it.each([
    ['deletes it', (root: string) => config.removeEnvironment(root, by)],
    ['reads anything of it', (root: string) => config.list(root, 'externalCalls')],
  ])('leaves the index with whoever next %s', async (_, use) => {
    const root = await gone();
    expect((await refusal(use(root))).status).toBe(404);
    expect((await config.environmentTree()).map(({ apiName }) => apiName)).not.toContain(root);
  });

  it('can be created again', async () => {
    const root = await gone();
    expect((await config.putEnvironment(root, { name: 'New' }, by)).outcome).toBe('created');
    expect((await config.environment(root)).view.name).toBe('New');
  });
});

describe('at the same time', () => {
  it('of many who create the same root or the same child, one does', async () => {
    const root = fresh();
    const put = (path: string) =>
      Promise.allSettled(
        Array.from({ length: 6 }, (_, index) =>
          openConfig(storage).putEnvironment(
            path,
            { name: `by ${index}` },
            { by: `${index}`, ifAbsent: true },
          ),
        ),
      );
    const roots = await put(root);
    expect(roots.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const children = await put(`${root}/child`);
    expect(children.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [node] = (await config.environmentTree()).filter(({ apiName }) => apiName === root);
    expect(node?.children).toHaveLength(1);
  });

  it('a child is created or its parent deleted, never both', async () => {
    for (let round = 0; round < 4; round++) {
      const root = fresh();
      await config.putEnvironment(root, { name: 'Root' }, by);
      const [deleted, created] = await Promise.allSettled([
        openConfig(storage).removeEnvironment(root, by),
        openConfig(storage).putEnvironment(`${root}/child`, { name: 'Child' }, by),
      ]);
      expect([deleted.status, created.status].filter((status) => status === 'fulfilled')).toHaveLength(1);
      const exists = await openConfig(storage)
        .snapshot(`${root}/child`)
        .then(
          () => true,
          () => false,
        );
      expect(exists).toBe(created.status === 'fulfilled');
    }
  });
});

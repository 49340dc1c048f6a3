import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../shared/assessment/app.ts';
import { type Caller, type Role, roles } from '../../shared/auth/index.ts';
import { openApp } from '../../shared/openApp.ts';
import { Problem } from '../../shared/problem.ts';
import { readSettings } from '../../shared/settings.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { dispatch, openRouter, type Reply, type Route } from './route.ts';
import { managementRoutes } from './routes.ts';

/*
 * Who may use which route, in the order of `roles`: ProductAdmin, AllAreas_Admin, AllAreasEditor, AllAreasViewer,
 * SupportAgent, FraudEngineer, ManualReview Analyst, SeniorAnalyst and FraudManager, Risk_API, Provisioning_API. Written
 * down from DFP's documentation, apart from the code. The first row that fits counts; every route has to fit one.
 */
const table: readonly (readonly [RegExp, string])[] = [
  [/^GET environments$/, 'xxxxxxxxx-x'],
  [/^GET environments\/\{env\}$/, 'xxxxxxxxx-x'],
  [/^PUT environments\/\{env\}$/, 'xx--------x'],
  [/^DELETE environments\/\{env\}$/, 'xx--------x'],
  [/^GET .*\/templates\/rules(\/|$)/, 'xxxx-x--x--'],
  [/ .*\/templates\/rules(\/|$)/, 'xxx--x--x--'],
  [/^GET .*\/templates\/assessments(\/|$)/, 'xxxx----x--'],
  [/ .*\/templates\/assessments(\/|$)/, 'xxx--------'],
  [/^GET .*\/templates\/environments(\/|$)/, 'xxxx-------'],
  [/ .*\/templates\/environments(\/|$)/, 'xxx--------'],
  [/^POST .*\/rules\/evaluate$/, 'xxxx-x--x--'],
  [/^GET .*\/(rules|actions|routingRules)(\/|$)/, 'xxxx-x--x--'],
  [/ .*\/(rules|actions|routingRules)(\/|$)/, 'xxx--x--x--'],
  [/^GET .*\/assessments(\/|$)/, 'xxxx-x--x--'],
  [/ .*\/assessments(\/|$)/, 'xxx--x-----'],
  [/^GET .*\/entries\/\{key\}$/, 'xxxxxx--x--'],
  [/ .*\/entries\/\{key\}$/, 'xxx-xx--x--'],
  [/^POST .*\/externalCalls\/\{name\}\/invoke$/, 'xxx--x--xx-'],
  [
    /^GET .*\/(lists|supportLists|velocitySets|functions|externalCalls|externalAssessments)(\/|$)/,
    'xxxx-x--x--',
  ],
  [/ .*\/(lists|supportLists|velocitySets|functions|externalCalls|externalAssessments)(\/|$)/, 'xxx--x--x--'],
  [/^GET .*\/eventSubscriptions(\/|$)/, 'xxxx-------'],
  [/ .*\/eventSubscriptions(\/|$)/, 'xx---------'],
  [/^GET .*\/events\/\{type\}\/\{id\}$/, 'xxxxxxxxx--'],
  [/^GET .*\/activity$/, 'xx---------'],
  [/^GET .*\/usage$/, 'xxxx-------'],
  [/^GET .*\/capacities(\/|$)/, 'xxxx-------'],
  [/ .*\/capacities(\/|$)/, 'xx---------'],
  [/ .*\/imports(\/|$)/, 'xxxx-x-----'],
  [/^GET .*\/subjectRequests(\/|$)/, 'xxxx-x-----'],
  [/ .*\/subjectRequests(\/|$)/, 'xxx--x-----'],
  [/^(GET .*\/lossPrevention\/|POST .*\/dashboard\/session$)/, 'xxxx-x-----'],
  [/ .*\/lossPrevention\//, 'xxx--x-----'],
  [/^GET .*\/models(\/|$)/, 'xxxx-x--x--'],
  [/ .*\/models(\/|$)/, 'xxx--x-----'],
  [/^GET .*\/roleAssignments(\/|$)/, 'xxxx----x--'],
  [/ .*\/roleAssignments(\/|$)/, 'xx------x--'],
];

function expected({ method, path }: Route, role: Role): boolean {
  const row = table.find(([pattern]) => pattern.test(`${method} ${path}`));
  if (!row) throw new Error(`no role is named for ${method} ${path}`);
  return row[1][roles.indexOf(role)] === 'x';
}

/** Routes whose handler decides are called as they are, with requests that change nothing; of the others only the gate counts. */
const gates = managementRoutes.map(
  (route): Route =>
    typeof route.permission === 'string'
      ? { ...route, body: 'none', handler: async (): Promise<Reply> => ({ status: 200 }) }
      : route,
);
const [gate, router] = [openRouter(gates), openRouter(managementRoutes)];

let azurite: Azurite;
let app: App;
const admin: Caller = { id: 'admin', kind: 'user', roles: ['ProductAdmin'] };
const environments = ['one', 'one/eu', 'two'] as const;
type Environment = (typeof environments)[number];
const within: Record<Environment, readonly Environment[]> = {
  one: ['one', 'one/eu'],
  'one/eu': ['one/eu'],
  two: ['two'],
};

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  // the default environment, which no test may lose
  await call(admin, 'PUT', 'environments/first', { name: 'First' });
  for (const each of environments)
    expect(
      (await call(admin, 'PUT', `environments/${encodeURIComponent(each)}`, { name: each })).status,
    ).toBe(201);
}, 60_000);
afterAll(() => azurite?.stop());

async function call(
  caller: Caller,
  method: string,
  path: string,
  body?: unknown,
  { headers = {}, by = router }: { headers?: Record<string, string>; by?: typeof router } = {},
): Promise<{ status: number; body: unknown; code?: string }> {
  try {
    return await dispatch(
      by,
      {
        method,
        path,
        query: new URLSearchParams(),
        headers: new Headers({ 'content-type': 'application/json', ...headers }),
        body: async () => new TextEncoder().encode(JSON.stringify(body)),
      },
      app,
      caller,
    ).then(({ status, body: answer }) => ({ status, body: answer }));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { status: error.status, body: { detail: error.detail, ...error.extra }, code: error.code };
  }
}

/** An application with these roles in these environments, given through the API. */
async function applicationWith(given: readonly Role[], at: readonly Environment[]): Promise<Caller> {
  const id = randomUUID();
  for (const each of at) await give(admin, each, id, given);
  return { id, kind: 'application', principal: id, roles: [] };
}

function give(by: Caller, at: string, id: string, given: readonly Role[], type = 'applications') {
  const path = `environments/${encodeURIComponent(at)}/roleAssignments/${type}/${id}`;
  return call(by, 'PUT', path, { roles: given });
}

/** What becomes of a request on a route: let in, or the status that keeps it out. */
async function outcome(caller: Caller, route: Route, environment: Environment): Promise<'in' | number> {
  const path = route.path
    .replace('{env}', encodeURIComponent(environment))
    .replace('{id}', randomUUID())
    .replaceAll(/\{\w+\}/g, 'x');
  const headers: Record<string, string> = route.method === 'DELETE' ? { 'if-match': '"never"' } : {};
  const { status } = await call(caller, route.method, path, { name: environment }, { headers, by: gate });
  return status === 403 || status === 404 ? status : 'in';
}

/** A root is nobody's to change but the admins'; a child also the provisioner's. */
function allowed(route: Route, role: Role, environment: Environment): boolean {
  const ofRoot = Array.isArray(route.permission) && !environment.includes('/');
  return expected(route, role) && !(ofRoot && role === 'Provisioning_API');
}

describe('every route', () => {
  it('has permissions, and an environment to have them in', () => {
    for (const { method, path, permission, anywhere } of managementRoutes) {
      expect([permission].flat().length, `${method} ${path}`).toBeGreaterThan(0);
      expect(path.includes('{env}') || anywhere === true, `${method} ${path}`).toBe(true);
    }
  });

  it('lets in the roles of the table that the tenant has given, in every environment', async () => {
    for (const route of gates)
      for (const role of roles)
        for (const environment of environments)
          expect(
            await outcome({ id: 'one', kind: 'application', roles: [role] }, route, environment),
            `${role} ${route.method} ${route.path} in ${environment}`,
          ).toBe(allowed(route, role, environment) ? 'in' : 403);
  });

  it('lets in the roles of the table where they were given and below, and knows of no other environment', async () => {
    for (const role of roles)
      for (const at of environments) {
        const caller = await applicationWith([role], [at]);
        for (const route of gates)
          for (const environment of environments) {
            const inside = within[at].includes(environment) || !route.path.includes('{env}');
            const open = allowed(route, role, environment) ? 'in' : 403;
            expect(
              await outcome(caller, route, environment),
              `${role} at ${at}: ${route.method} ${route.path} in ${environment}`,
            ).toBe(inside ? open : 404);
          }
      }
  }, 120_000);

  it('lets in nobody who has no role', async () => {
    const stranger = await applicationWith([], []);
    for (const route of gates)
      for (const environment of environments)
        expect(await outcome(stranger, route, environment), `${route.method} ${route.path}`).toBe(403);
  });
});

describe('environments', () => {
  const names = (answer: { body: unknown }) =>
    JSON.stringify(answer.body).match(/(?<="apiName":")[^"]+/g) ?? [];

  it('are listed as far as the caller has a role in them', async () => {
    const list = async (caller: Caller) => names(await call(caller, 'GET', 'environments'));
    expect(await list(admin)).toEqual(['first', 'one', 'eu', 'two']);
    expect(await list(await applicationWith(['AllAreasViewer'], ['one']))).toEqual(['one', 'eu']);
    expect(await list(await applicationWith(['AllAreasViewer'], ['one/eu', 'two']))).toEqual(['eu', 'two']);
    expect((await call(await applicationWith(['Risk_API'], ['one']), 'GET', 'environments')).status).toBe(
      403,
    );
  });

  it('are created below an environment by those who may there, and roots by product admins alone', async () => {
    const put = (caller: Caller, path: string, body: object = {}) =>
      call(caller, 'PUT', `environments/${path}`, { name: 'New', ...body });
    const provisioner = await applicationWith(['Provisioning_API'], ['one']);
    expect((await put(provisioner, 'one%2Fprovisioned')).status).toBe(201);
    expect((await put(provisioner, 'byparent', { parent: 'one' })).status).toBe(201);
    expect((await put(provisioner, 'two%2Fprovisioned')).status).toBe(404);
    expect((await put(provisioner, 'byparent', { parent: 'two' })).status).toBe(404);
    expect((await put(provisioner, 'newroot')).status).toBe(404);
    const everywhere: Caller = { id: 'x', kind: 'application', roles: ['Provisioning_API'] };
    expect((await put(everywhere, 'two%2Fprovisioned')).status).toBe(201);
    expect((await put(everywhere, 'newroot')).status).toBe(403);
    const manager: Caller = { id: 'x', kind: 'user', roles: ['AllAreas_Admin'] };
    expect((await put(manager, 'newroot')).status).toBe(403);
    expect((await put(manager, 'two%2Fprovisioned', { name: 'Newer' })).status).toBe(200);
    expect((await put(admin, 'newroot')).status).toBe(201);
    expect((await call(manager, 'DELETE', 'environments/newroot')).status).toBe(204);
    for (const each of ['one%2Fprovisioned', 'one%2Fbyparent', 'two%2Fprovisioned'])
      expect((await call(admin, 'DELETE', `environments/${each}`)).status).toBe(204);
  });

  it('of others are not told from none, by whatever name, path or body', async () => {
    const caller = await applicationWith(['AllAreas_Admin'], ['one/eu']);
    const { body } = await call(admin, 'GET', 'environments/two');
    const { id: known } = JSON.parse(JSON.stringify(body));
    const asked = async (method: string, path: string, content?: object) => {
      const { status, body: answer, code } = await call(caller, method, path, content);
      return { status, code, answer: JSON.stringify(answer) };
    };
    for (const [there, nowhere] of [
      ['two', 'nix'],
      [known, randomUUID()],
      ['one', 'nix'],
      ['first', 'nix'],
    ]) {
      const same = async (
        method: string,
        tail: string,
        content?: (name: string) => object,
        path?: string,
      ) => {
        const [left, right] = [there, nowhere].map((name) =>
          asked(method, path ?? `environments/${name}${tail}`, content?.(name)),
        );
        const [one, other] = [await left, await right];
        expect(one?.status, `${method} ${tail} ${there}`).toBe(404);
        expect({ ...one, answer: one?.answer.replaceAll(there, nowhere) }).toEqual(other);
      };
      await same('GET', '');
      await same('GET', '/rules');
      await same('GET', '/events/Purchase/1');
      await same('DELETE', '');
      await same('PUT', '/rules/Mine', () => ({ assessment: 'Purchase', clauses: [] }));
      await same('PUT', '', () => ({ name: 'Mine now' }));
      await same('PUT', '%2Fchild', () => ({ name: 'Mine' }));
      await same('PUT', '', (name) => ({ name: 'Mine', parent: name }), 'environments/mine');
      await same('PUT', '', () => ({ name: 'Mine', parent: null }));
    }
    expect((await asked('PUT', 'environments/mine', { name: 'Mine', id: known })).status).toBe(404);
  });
});

describe('the models of a tree', () => {
  it('are changed by those who may in all of it, by whichever of its environments they are named', async () => {
    const ask = (caller: Caller, what: string) =>
      call(caller, 'POST', `environments/one%2Feu/models/${what}`, { kind: 'bot' });
    const below = await applicationWith(['FraudEngineer'], ['one/eu']);
    for (const what of ['retrain', 'rollback'])
      expect(await ask(below, what), what).toMatchObject({ status: 403, code: 'PermissionMissing' });
    expect((await call(below, 'GET', 'environments/one%2Feu/models')).status).toBe(200);
    const above = await applicationWith(['FraudEngineer'], ['one']);
    expect(await ask(above, 'retrain')).toMatchObject({ status: 202 });
    expect(await ask(above, 'rollback')).toMatchObject({ status: 409, code: 'NoEarlierModel' });
  });
});

describe('role assignments', () => {
  it('are put, read, listed and removed, and stand in the activity log', async () => {
    const id = randomUUID();
    const path = `environments/one%2Feu/roleAssignments/users/${id}`;
    const created = await call(admin, 'PUT', path, { roles: ['SupportAgent'], displayName: 'Ann' });
    expect(created).toMatchObject({
      status: 201,
      body: { type: 'user', id, roles: ['SupportAgent'], displayName: 'Ann', changedBy: 'admin' },
    });
    const read = await call(admin, 'GET', path);
    expect(read).toMatchObject({ status: 200, body: created.body });
    expect(await call(admin, 'PUT', path, read.body)).toMatchObject({ status: 200, body: created.body });
    expect((await call(admin, 'PUT', path, read.body, { headers: { 'if-none-match': '*' } })).status).toBe(
      412,
    );
    const { body } = await call(admin, 'GET', 'environments/one%2Feu/roleAssignments');
    expect(body).toMatchObject({ items: expect.arrayContaining([created.body]) });
    expect((await call(admin, 'DELETE', path)).status).toBe(204);
    expect((await call(admin, 'GET', path)).status).toBe(404);
    expect((await call(admin, 'DELETE', path)).status).toBe(404);
    const log = await call(admin, 'GET', 'environments/one/activity');
    expect(log.body).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({ kind: 'roleAssignments', name: `users/${id}`, operation: 'Create' }),
        expect.objectContaining({
          name: `users/${id}`,
          operation: 'Delete',
          before: { roles: ['SupportAgent'], displayName: 'Ann' },
        }),
      ]),
    });
  });

  it.each([
    [{ roles: [] }, 'roles'],
    [{ roles: ['Root'] }, 'roles[0]'],
    [{}, 'roles'],
    [{ roles: ['Risk_API'], more: 1 }, 'more'],
  ])('of %j are refused by name', async (body, at) => {
    const path = `environments/one/roleAssignments/users/${randomUUID()}`;
    expect(await call(admin, 'PUT', path, body)).toMatchObject({ status: 400 });
    expect(JSON.stringify(await call(admin, 'PUT', path, body))).toContain(at.split('[')[0]);
  });

  it('are of ids that can be', async () => {
    for (const id of ['ann@contoso.com', 'x', '%7C', `${randomUUID()}%7C`])
      expect(
        (await call(admin, 'PUT', `environments/one/roleAssignments/users/${id}`, { roles })).status,
      ).toBe(400);
  });

  it('give and take only what the caller’s own roles may', async () => {
    const manager = await applicationWith(['ManualReviewFraudManager'], ['one']);
    const chief = await applicationWith(['AllAreas_Admin'], ['one']);
    const engineer = await applicationWith(['FraudEngineer'], ['one']);
    const id = randomUUID();
    expect((await give(manager, 'one', id, ['ManualReviewAnalyst'])).status).toBe(201);
    expect((await give(manager, 'one/eu', id, ['ManualReviewSeniorAnalyst'])).status).toBe(201);
    for (const role of ['FraudEngineer', 'AllAreas_Admin', 'ProductAdmin', 'Risk_API'] as const)
      expect(await give(manager, 'one', id, ['ManualReviewAnalyst', role])).toMatchObject({
        status: 403,
        code: 'RoleNotAssignable',
      });
    expect((await give(chief, 'one', id, ['FraudEngineer', 'Risk_API', 'AllAreas_Admin'])).status).toBe(200);
    expect((await give(chief, 'one', id, ['ProductAdmin'])).status).toBe(403);
    // what one may not give, one may not take
    expect((await give(manager, 'one', id, ['ManualReviewAnalyst'])).status).toBe(403);
    expect((await give(admin, 'one', id, ['ProductAdmin'])).status).toBe(200);
    expect((await give(chief, 'one', id, ['AllAreasViewer'])).status).toBe(403);
    const path = `environments/one/roleAssignments/applications/${id}`;
    expect((await call(chief, 'DELETE', path)).status).toBe(403);
    expect((await give(engineer, 'one', id, ['AllAreasViewer'])).status).toBe(403);
    expect((await give(chief, 'two', id, ['AllAreasViewer'])).status).toBe(404);
    expect((await give(manager, 'two', id, ['ManualReviewAnalyst'])).status).toBe(404);
    expect((await call(admin, 'DELETE', path)).status).toBe(204);
  });

  it('do not let a child’s admin reach the parent', async () => {
    const child = await applicationWith(['AllAreas_Admin'], ['one/eu']);
    expect((await give(child, 'one/eu', randomUUID(), ['FraudEngineer'])).status).toBe(201);
    expect((await give(child, 'one', child.id, ['AllAreas_Admin'])).status).toBe(404);
  });

  it('show API roles to those who may see them', async () => {
    const manager = await applicationWith(['ManualReviewFraudManager'], ['two']);
    const both = await applicationWith(['Risk_API', 'SupportAgent'], ['two']);
    const api = await applicationWith(['Risk_API'], ['two']);
    const { body } = await call(manager, 'GET', 'environments/two/roleAssignments');
    expect(JSON.stringify(body)).not.toContain('_API');
    expect(body).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ id: both.id, roles: ['SupportAgent'] })]),
    });
    const path = 'environments/two/roleAssignments/applications';
    expect((await call(manager, 'GET', `${path}/${api.id}`)).status).toBe(404);
    expect((await call(admin, 'GET', `${path}/${api.id}`)).status).toBe(200);
  });

  it('end with their environment, also where another comes under its id', async () => {
    const id = randomUUID();
    const make = () => call(admin, 'PUT', 'environments/two%2Fshort', { name: 'Short', id });
    expect((await make()).status).toBe(201);
    const app1 = randomUUID();
    await give(admin, 'two/short', app1, ['AllAreasViewer']);
    const caller: Caller = { id: app1, kind: 'application', principal: app1, roles: [] };
    expect((await call(caller, 'GET', `environments/${id}`)).status).toBe(200);
    expect((await call(admin, 'DELETE', `environments/${id}`)).status).toBe(204);
    expect((await make()).status).toBe(201);
    expect((await call(caller, 'GET', `environments/${id}`)).status).toBe(403);
  });
});

import { describe, expect, it } from 'vitest';
import { type Graph, register } from './entra.ts';
import appRoles from './entraRoles.json' with { type: 'json' };

interface Application {
  id: string;
  appId: string;
  displayName: string;
  identifierUris: string[];
  appRoles: { id: string; value: string }[];
  api: Record<string, unknown>;
}

/** As much of Microsoft Graph as a registration needs, with its rules: what is not given is empty, a PATCH replaces. */
function directory(user?: string) {
  const applications: Application[] = [];
  const principals: { id: string; appId: string }[] = [];
  const assignments: { principalId: string; appRoleId: string }[] = [];
  const writes: string[] = [];
  const graph: Graph = {
    async get(path) {
      const filter = decodeURIComponent(path.split('$filter=')[1] ?? '');
      const [, field, value] = /^(\w+) eq '(.*)'$/.exec(filter) ?? [];
      if (path.startsWith('/v1.0/applications'))
        return { value: applications.filter((each) => each.displayName === value?.replaceAll("''", "'")) };
      if (path.includes('/appRoleAssignedTo')) return { value: assignments };
      if (path.startsWith('/v1.0/servicePrincipals'))
        return { value: principals.filter((each) => field === 'appId' && each.appId === value) };
      if (path === '/v1.0/me' && user) return { id: user };
      throw new Error(`GET ${path} gave 403`);
    },
    async send(method, path, body) {
      writes.push(`${method} ${path}`);
      const given = JSON.parse(JSON.stringify(body));
      if (method === 'PATCH') {
        const found = applications.find((each) => path.endsWith(each.id));
        if (found) Object.assign(found, given);
        return undefined;
      }
      const id = `id-${writes.length}`;
      if (path === '/v1.0/applications') {
        const made = { id, appId: `client-${id}`, identifierUris: [], ...given };
        applications.push(made);
        return made;
      }
      if (path === '/v1.0/servicePrincipals') principals.push({ id, appId: given.appId });
      else assignments.push(given);
      return { id };
    },
  };
  return { graph, applications, principals, assignments, writes };
}

const adminRole = appRoles.find(({ value }) => value === 'ProductAdmin')?.id;

describe('registering in Entra ID', () => {
  it('makes the application with every role, and whoever installs its product admin', async () => {
    const { graph, applications, assignments } = directory('me');
    const { audiences, clientId } = await register(graph, 'Holdfast dev');
    expect(audiences).toBe(`api://${clientId},${clientId}`);
    expect(applications).toHaveLength(1);
    const [made] = applications;
    expect(made?.appRoles.map(({ value }) => value)).toEqual(appRoles.map(({ value }) => value));
    expect(made?.identifierUris).toEqual([`api://${clientId}`]);
    expect(made?.api.requestedAccessTokenVersion).toBe(2);
    expect(assignments).toEqual([expect.objectContaining({ principalId: 'me', appRoleId: adminRole })]);
  });

  it('changes nothing the second time', async () => {
    const { graph, writes } = directory('me');
    const first = await register(graph, "Holdfast's");
    const before = writes.length;
    const second = await register(graph, "Holdfast's");
    expect(writes.length).toBe(before);
    expect(second).toEqual({ ...first, done: [] });
  });

  it('gives nobody a role in a pipeline, nor where there is an administrator', async () => {
    const pipeline = directory();
    await register(pipeline.graph, 'Holdfast prod');
    expect(pipeline.assignments).toEqual([]);

    const other = directory('somebody');
    other.assignments.push({ principalId: 'the admin', appRoleId: adminRole ?? '' });
    await register(other.graph, 'Holdfast prod');
    expect(other.assignments).toHaveLength(1);
  });

  it('keeps what an application has, and adds what it lacks', async () => {
    const { graph, applications } = directory('me');
    applications.push({
      id: 'old',
      appId: 'client-old',
      displayName: 'Holdfast dev',
      identifierUris: ['https://fraud.example.com'],
      appRoles: [{ id: '1', value: 'Theirs' }],
      api: { requestedAccessTokenVersion: null, oauth2PermissionScopes: [{ id: '2', value: 'theirs' }] },
    });
    await register(graph, 'Holdfast dev');
    const [kept] = applications;
    expect(kept?.identifierUris).toEqual(['https://fraud.example.com', 'api://client-old']);
    expect(kept?.appRoles.map(({ value }) => value)).toEqual([
      'Theirs',
      ...appRoles.map(({ value }) => value),
    ]);
    expect(kept?.api.oauth2PermissionScopes).toHaveLength(2);
  });

  it('does not guess between two of one name', async () => {
    const { graph, applications } = directory('me');
    for (const id of ['a', 'b'])
      applications.push({
        id,
        appId: id,
        displayName: 'Holdfast',
        identifierUris: [],
        appRoles: [],
        api: { oauth2PermissionScopes: [] },
      });
    await expect(register(graph, 'Holdfast')).rejects.toThrow('2 applications named “Holdfast”');
  });
});

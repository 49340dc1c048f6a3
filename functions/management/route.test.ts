import { describe, expect, it } from 'vitest';
import { Problem } from '../../shared/problem.ts';
import { etags, openRouter, type Reply, type Route } from './route.ts';

const handler = async (): Promise<Reply> => ({ status: 200 });
const routes: Route[] = [
  { method: 'GET', path: 'environments/{env}/rules/{name}', permission: 'rules.read', handler },
  { method: 'PUT', path: 'environments/{env}/rules/{name}', permission: 'rules.read', handler },
  { method: 'POST', path: 'environments/{env}/rules/evaluate', permission: 'rules.read', handler },
  { method: 'GET', path: 'environments/{env}', permission: 'environments.read', handler },
];
const router = openRouter(routes);

function refusal(method: string, path: string): Problem {
  try {
    router(method, path);
  } catch (error) {
    if (error instanceof Problem) return error;
  }
  throw new Error(`${method} ${path} has a route`);
}

describe('a route', () => {
  it('is found with its parameters, decoded', () => {
    const { route, parameters } = router('GET', 'environments/primary%2Feu/Rules/a%20%2F%20%C3%BC%3F/');
    expect(route).toBe(routes[0]);
    expect(Object.fromEntries(parameters)).toEqual({ env: 'primary/eu', name: 'a / ü?' });
  });

  it('with a literal part wins over one with a parameter', () => {
    expect(router('POST', 'environments/x/rules/evaluate').route).toBe(routes[2]);
    expect(refusal('GET', 'environments/x/rules/evaluate')).toMatchObject({
      status: 405,
      extra: { allow: ['POST'] },
    });
  });

  it.each(['', 'environments', 'environments/x/rules', 'environments//rules/y', 'other/x'])(
    'does not exist for the path %j',
    (path) => expect(refusal('GET', path).status).toBe(404),
  );

  it('tells the methods it takes', () => {
    expect(refusal('DELETE', 'environments/x/rules/y').extra).toEqual({ allow: ['GET', 'PUT'] });
  });

  it('is not found by a broken encoding', () => {
    expect(refusal('GET', 'environments/%zz').status).toBe(400);
    expect(refusal('GET', 'environments/%ff').status).toBe(400);
  });

  it('stands once in the tables', () => {
    expect(() => openRouter([...routes, ...routes.slice(0, 1)])).toThrow('two routes');
  });
});

describe('entity tags', () => {
  it.each([
    [null, undefined],
    ['*', ['*']],
    ['"1-a", W/"2,b"', ['"1-a"', 'W/"2,b"']],
    ['nonsense', []],
  ])('of the header %j are %j', (header, expected) => expect(etags(header)).toEqual(expected));
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../problem.ts';
import { findInTree, requireInTree, type Tree, type TreeNode } from './tree.ts';

const ids = {
  primary: '11111111-1111-4111-8111-111111111111',
  eu: '22222222-2222-4222-8222-222222222222',
  shop: '33333333-3333-4333-8333-333333333333',
  us: '44444444-4444-4444-8444-444444444444',
  usShop: '55555555-5555-4555-8555-555555555555',
  usEu: '66666666-6666-4666-8666-666666666666',
};
const node = (id: string, apiName: string, parent: string | null) => ({ id, apiName, name: apiName, parent });
const tree: Tree = {
  roots: [
    {
      root: ids.primary,
      sequence: 1,
      environments: [
        node(ids.primary, 'primary', null),
        node(ids.shop, 'shop', ids.eu),
        node(ids.eu, 'XYZ', ids.primary),
      ],
    },
    {
      root: ids.us,
      sequence: 1,
      environments: [
        node(ids.us, 'us', null),
        node(ids.usShop, 'shop', ids.us),
        node(ids.usEu, 'primary', ids.us),
      ],
    },
  ],
};

describe('an environment is found by', () => {
  it.each([
    ['its id', ids.eu, ids.eu],
    ['its id in capitals', ids.eu.toUpperCase(), ids.eu],
    ['its id with a stray slash at the end', `${ids.eu}/`, ids.eu],
    ['its API name', 'XYZ', ids.eu],
    ['its API name in other case, with spaces around', ' xyz ', ids.eu],
    ['a path of API names', '/primary/XYZ', ids.eu],
    ['a path without the leading slash', 'primary/XYZ/shop', ids.shop],
    ['a path from an id', `${ids.primary}/XYZ`, ids.eu],
    ['a path that ends in an id', `/primary/${ids.eu}`, ids.eu],
    ['a path that starts below the root', `${ids.eu}/shop/`, ids.shop],
    ['an API name that a root has too: the root', 'primary', ids.primary],
    ['a path to the one below, then', 'us/primary', ids.usEu],
  ])('%s', (_, text, id) => {
    const found = findInTree(tree, text);
    expect(found).toMatchObject({ node: { id } });
  });

  it.each([
    ['an unknown name', 'nowhere'],
    ['no text', ''],
    ['slashes alone', '///'],
    ['a path that is not one', '/primary/shop'],
    ['a path with a gap', '/primary//XYZ'],
    ['an id under another parent', `/us/${ids.eu}`],
  ])('but not by %s', (_, text) => {
    const refusal = refusalOf(text);
    expect(refusal.status).toBe(404);
    expect(refusal.code).toBe('UnknownEnvironment');
  });

  it('but not by an API name that several have, none of them a root', () => {
    expect(refusalOf('shop')).toMatchObject({ status: 404, code: 'AmbiguousEnvironment' });
    expect(refusalOf('shop').detail).toContain('path from the root');
  });
});

describe('in any tree', () => {
  // each environment stands below an earlier one, or is a root; siblings have different names
  const trees = fc
    .array(
      fc.record({ id: fc.uuid(), above: fc.nat(), name: fc.constantFrom('a', 'B', 'shop', 'x.y', 'EU-1') }),
      {
        minLength: 1,
        maxLength: 25,
      },
    )
    .map((drafts) => {
      const paths = new Map<string, TreeNode>();
      const placed: { path: string; root: string; environment: TreeNode }[] = [];
      for (const { id, above, name } of drafts) {
        const parent = placed[above % (placed.length + 1)];
        const path = `${parent?.path ?? ''}/${name}`;
        if (paths.has(path.toLowerCase()) || placed.some(({ environment }) => environment.id === id))
          continue;
        const environment = node(id, name, parent?.environment.id ?? null);
        paths.set(path.toLowerCase(), environment);
        placed.push({ path, root: parent?.root ?? id, environment });
      }
      const roots = [...new Set(placed.map(({ root }) => root))].map((root) => ({
        root,
        sequence: 1,
        environments: placed.filter((each) => each.root === root).map(({ environment }) => environment),
      }));
      return { tree: { roots }, placed };
    });
  const styles = fc.constantFrom(
    (path: string) => path,
    (path: string) => `${path}/`,
    (path: string) => path.slice(1),
    (path: string) => path.toUpperCase(),
    (path: string) => ` ${path.toLowerCase()}// `,
  );

  it('every environment is found by its path and by its id, however written, and its root with it', () => {
    fc.assert(
      fc.property(trees, styles, ({ tree: any, placed }, style) => {
        for (const { path, root, environment } of placed) {
          expect(findInTree(any, style(path))).toEqual({ root, node: environment });
          expect(findInTree(any, style(`/${environment.id}`))).toEqual({ root, node: environment });
        }
      }),
    );
  });
});

function refusalOf(text: string): Problem {
  try {
    requireInTree(tree, text);
  } catch (error) {
    if (error instanceof Problem) return error;
  }
  throw new Error(`${text} was found`);
}

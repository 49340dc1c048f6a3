import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchRoute, parseRoute, RouteError, routeCovers, routesOverlap } from './route.ts';

const match = (template: string, path: string) => matchRoute(parseRoute(template), path);

describe('a route', () => {
  test.each([
    ['health/live', '/health/live', {}],
    ['health/live', '/HEALTH/Live', {}],
    ['health/live', '/health/live/', {}],
    ['health/live', '/health/live//', undefined],
    ['health/live', '/health', undefined],
    ['health/live', '/health/live/more', undefined],
    ['', '/', {}],
    ['', '/a', undefined],
    ['/leading', '/leading', {}],
    ['orders/{id}', '/orders/17', { id: '17' }],
    ['orders/{id}', '/orders', undefined],
    ['orders/{id}', '/orders//17', undefined],
    ['orders/{id}', '/orders/a%2Fb', { id: 'a%2Fb' }],
    ['orders/{id}', '/orders/a b+c', { id: 'a b+c' }],
    ['orders/{Id}', '/orders/X', { Id: 'X' }],
    ['orders/{id?}', '/orders', {}],
    ['orders/{id?}', '/orders/17', { id: '17' }],
    ['orders/{id=all}', '/orders', { id: 'all' }],
    ['{*path}', '/', {}],
    ['{*path}', '/a', { path: 'a' }],
    ['{*path}', '/a/b//c/', { path: 'a/b//c/' }],
    ['{**path}', '/a/b', { path: 'a/b' }],
    ['{*path}', '//a', undefined],
    ['v1/{*path}', '/v1', {}],
    ['v1/{*path}', '/v1/x/y', { path: 'x/y' }],
    ['v1/{*path}', '/v2/x', undefined],
    ['files/{name}.{ext}', '/files/a.b.txt', { name: 'a.b', ext: 'txt' }],
    ['files/{name}.{ext?}', '/files/readme', { name: 'readme' }],
    ['files/{name}.{ext?}', '/files/readme.md', { name: 'readme', ext: 'md' }],
    ['v{version:int}/x', '/v12/x', { version: '12' }],
    ['v{version:int}/x', '/vx/x', undefined],
  ])('%s against %s', (template, path, expected) => {
    expect(match(template, path)).toEqual(expected);
  });

  test.each([
    ['int', '12', true],
    ['int', '-12', true],
    ['int', '2147483648', false],
    ['int', '1.5', false],
    ['long', '2147483648', true],
    ['guid', '6f9619ff-8b86-d011-b42d-00c04fc964ff', true],
    ['guid', '6f9619ff8b86d011b42d00c04fc964ff', true],
    ['guid', '6f9619ff', false],
    ['bool', 'TRUE', true],
    ['bool', '1', false],
    ['alpha', 'abc', true],
    ['alpha', 'ab1', false],
    ['length(2)', 'ab', true],
    ['length(2)', 'abc', false],
    ['length(2,4)', 'abc', true],
    ['minlength(3)', 'ab', false],
    ['maxlength(3)', 'abcd', false],
    ['range(1,9)', '9', true],
    ['range(1,9)', '10', false],
    ['min(5)', '4', false],
    ['max(5)', '4', true],
    ['decimal', '1.5', true],
    ['double', '1e3', true],
    ['datetime', '2026-01-01', true],
    ['datetime', 'soon', false],
    ['regex(^a+$)', 'AAA', true],
    ['regex(^\\d{{3}}$)', '123', true],
    ['regex(^a+$)', 'aab', false],
    ['int:min(5)', '4', false],
    ['int:min(5)', '5', true],
  ])('with the constraint :%s takes %s: %s', (constraint, value, expected) => {
    expect(match(`a/{x:${constraint}}`, `/a/${value}`) !== undefined).toBe(expected);
  });

  test.each([
    ['a//b', 'empty segment'],
    ['a/{x', 'brace'],
    ['a/{}', 'no parameter'],
    ['{x}/{X}', 'twice'],
    ['{*x}/a', 'must come last'],
    ['{*x?}', 'cannot be optional'],
    ['a/{x:colour}', "no constraint 'colour'"],
  ])('%s is refused: %s', (template, why) => {
    expect(() => parseRoute(template)).toThrow(RouteError);
    expect(() => parseRoute(template)).toThrow(why);
  });
});

describe('two routes', () => {
  test.each([
    // a, b, both match some path, a matches all that b does, b matches all that a does
    ['health/live', '{*path}', true, false, true],
    ['health/live', 'health/ready', false, false, false],
    ['orders/{id}', 'orders/{key}', true, true, true],
    ['orders/{id}', 'orders/new', true, true, false],
    ['orders/{id:int}', 'orders/new', false, false, false],
    ['orders/{id:int}', 'orders/{id}', true, false, true],
    ['orders/{id}', '{type}/list', true, false, false],
    ['orders/{id?}', 'orders', true, true, false],
    ['orders', 'Orders', true, true, true],
    ['a/{*rest}', 'a/b/c', true, true, false],
    ['a/{*rest}', 'a', true, true, false],
    ['a/{*rest}', 'b/{*rest}', false, false, false],
  ])('%s and %s: overlap %s', (a, b, overlap, aCoversB, bCoversA) => {
    const [left, right] = [parseRoute(a), parseRoute(b)];
    expect(routesOverlap(left, right)).toBe(overlap);
    expect(routesOverlap(right, left)).toBe(overlap);
    expect(routeCovers(left, right)).toBe(aCoversB);
    expect(routeCovers(right, left)).toBe(bCoversA);
  });

  test('that match one path overlap, and a route that covers another matches its paths', () => {
    const segment = fc.constantFrom('a', 'b', '{x}', '{x?}', '{*x}', '{x:int}', '1');
    const template = fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((all) => all.map((one, index) => one.replace('x', `x${index}`)).join('/'))
      .filter((text) => !/\*.*\//.test(text));
    const path = fc
      .array(fc.constantFrom('a', 'b', '1', 'zz'), { maxLength: 4 })
      .map((all) => `/${all.join('/')}`);
    fc.assert(
      fc.property(template, template, path, (a, b, text) => {
        const [left, right] = [parseRoute(a), parseRoute(b)];
        const [inLeft, inRight] = [
          matchRoute(left, text) !== undefined,
          matchRoute(right, text) !== undefined,
        ];
        if (inLeft && inRight) expect(routesOverlap(left, right)).toBe(true);
        if (inRight && routeCovers(left, right)) expect(inLeft).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

import { expect, test } from 'vitest';
import { compileVelocitySet } from './index.ts';

const resources = { environment: 'primary', lists: { Risky: { columns: ['Product ID'] } } };
const set = {
  name: 'Spending',
  condition: 'WHEN @"user.countryRegion" == "US"',
  velocities: [
    'SELECT Sum(@"totalAmount") AS total FROM Purchase GROUPBY @"user.userId"',
    'SELECT DistinctCount(@"device.ipAddress") AS ips FROM Purchase, AccountLogin WHEN @"totalAmount" > 5 GROUPBY @"user.userId"',
    'SELECT Count() AS seen FROM AccountLogin GROUPBY @"user.email".ToLower()',
  ],
};
const payload = {
  totalAmount: 10.5,
  user: { userId: 'u1', countryRegion: 'US', email: 'A@b.c' },
  device: { ipAddress: '1.2.3.4' },
};
const run = (p: object, type: string) =>
  compileVelocitySet(set, resources).program!.contributions({ payload: { ...payload, ...p }, now: 0 }, type);

test('an event adds to the velocities of its type', () => {
  expect(run({}, 'purchase')).toEqual({
    done: true,
    contributions: [
      { velocity: 'total', aggregate: 'sum', key: 'u1', value: 10.5 },
      { velocity: 'ips', aggregate: 'distinct', key: 'u1', value: '1.2.3.4' },
    ],
    faults: [],
  });
  expect(run({}, 'AccountLogin')).toMatchObject({
    contributions: [{ velocity: 'ips' }, { velocity: 'seen', key: 'a@b.c', value: 1 }],
  });
});

test('an event outside the condition, without a key or of another type adds nothing', () => {
  expect(run({ user: { userId: 'u1', countryRegion: 'CA' } }, 'Purchase')).toMatchObject({
    contributions: [],
  });
  expect(run({ user: { countryRegion: 'US' } }, 'Purchase')).toMatchObject({ contributions: [] });
  expect(run({}, 'Chargeback')).toMatchObject({ contributions: [] });
});

test('an expression that faults contributes nothing and is reported', () => {
  expect(run({ totalAmount: 'much' }, 'Purchase')).toMatchObject({
    contributions: [],
    faults: [
      { rule: 'Spending', clause: 'total', code: 'not-a-number', line: 1, column: 12 },
      { rule: 'Spending', clause: 'ips' },
    ],
  });
});

test('an amount beyond all numbers, which JSON can say, contributes nothing and is reported', () => {
  expect(run(JSON.parse('{ "totalAmount": 1e400 }'), 'Purchase')).toMatchObject({
    contributions: [{ velocity: 'ips' }],
    faults: [{ rule: 'Spending', clause: 'total', code: 'not-finite', line: 1, column: 12 }],
  });
});

test('definitions name the aggregate and the events', () => {
  expect(compileVelocitySet(set, resources).definitions[1]).toEqual({
    name: 'ips',
    aggregate: 'distinct',
    from: ['Purchase', 'AccountLogin'],
  });
});

test('a read of a list waits for its answer and then counts', () => {
  const code =
    'SELECT Count() AS risky FROM Purchase WHEN ContainsKey("Risky", "Product ID", @"productList.id") GROUPBY @"user.userId"';
  const program = compileVelocitySet({ name: 'S', velocities: [code] }, resources).program!;
  const input = { payload: { ...payload, productList: [{ id: 'a' }, { id: 'b' }] }, now: 0 };
  const planned = program.plan(input, 'Purchase');
  expect(planned.map((r) => r.kind === 'list' && r.key)).toEqual(['a', 'b']);
  expect(program.contributions(input, 'Purchase')).toMatchObject({ done: false, needs: [planned[0]] });
  const answer = (r: { id: string }) => ({ value: r.id === planned[1]?.id ? { 'Product ID': 'b' } : null });
  expect(program.contributions({ ...input, answer }, 'Purchase')).toMatchObject({
    done: true,
    contributions: [{ velocity: 'risky', key: 'u1', value: 1 }],
  });
});

test('every fault of a set is reported with the velocity it stands in', () => {
  const { program, diagnostics } = compileVelocitySet(
    {
      name: 'S',
      velocities: ['SELECT Cout() AS a FROM Purchase GROUPBY @"x"', 'SELECT Count() AS b FROM Purchase'],
    },
    resources,
  );
  expect(program).toBeUndefined();
  expect(diagnostics.map((d) => [d.clause, d.code])).toEqual([
    ['velocity 1', 'aggregate-expected'],
    ['b', 'groupby-missing'],
  ]);
});

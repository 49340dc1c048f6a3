import { describe, expect, it } from 'vitest';
import { Problem } from '../problem.ts';
import {
  environmentSchema,
  parseBody,
  parseName,
  ruleSchema,
  supportEntrySchema,
  velocitySetSchema,
} from './schemas.ts';

function refusal(work: () => unknown): Problem {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error;
  }
  throw new Error('nothing was refused');
}

const rule = { assessment: 'Purchase', clauses: [{ name: 'c1', code: 'RETURN Approve()' }] };

describe('the body of a rule', () => {
  it('needs an assessment and a clause; the rest has defaults', () => {
    expect(parseBody(ruleSchema, rule)).toEqual({ ...rule, status: 'Active', description: '' });
  });

  it('has every fault named at once, with its path', () => {
    const problem = refusal(() =>
      parseBody(ruleSchema, {
        status: 'On',
        surprise: 1,
        clauses: [
          { name: 'c1', code: 'x', section: 'Before' },
          { name: ' C1 ', code: '' },
          { name: 'a\u0007b', code: 'x', more: true },
        ],
      }),
    );
    expect(problem.status).toBe(400);
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual([
      'assessment',
      'clauses[0].section',
      'clauses[1].code',
      'clauses[2].more',
      'clauses[2].name',
      'status',
      'surprise',
    ]);
  });

  it('has no two clauses whose names differ in case alone', () => {
    const clauses = [
      { name: 'Limit', code: 'x' },
      { name: ' limit ', code: 'x' },
    ];
    expect(refusal(() => parseBody(ruleSchema, { ...rule, clauses })).errors).toEqual([
      { path: 'clauses[1].name', message: expect.stringContaining('occurs twice') },
    ]);
  });

  it('is an object', () => {
    expect(refusal(() => parseBody(ruleSchema, [])).errors?.[0]?.path).toBe('(body)');
  });
});

describe('a name', () => {
  it('is trimmed', () => expect(parseName('  Risky emails ')).toBe('Risky emails'));
  it('may be any text of 128 characters', () =>
    expect(parseName(`ключ / \\ # ? ${'x'.repeat(115)}`)).toHaveLength(128));
  it.each([
    ['without a character', ' '],
    ['of 129 characters', 'x'.repeat(129)],
    ['with a control character', 'a\u0000b'],
    ['that is a route', 'Evaluate'],
    ['with half a surrogate pair', 'a\ud800'],
  ])('%s is refused', (_, name) => expect(refusal(() => parseName(name)).status).toBe(400));
});

describe('the body of a velocity set', () => {
  it('has at most 10 velocities and 1 to 32 shards', () => {
    const velocities = Array.from({ length: 11 }, () => 'SELECT');
    const problem = refusal(() => parseBody(velocitySetSchema, { velocities, shards: 33 }));
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual(['shards', 'velocities']);
    expect(parseBody(velocitySetSchema, { velocities: velocities.slice(1) }).shards).toBe(1);
  });
});

describe('the body of an environment', () => {
  it('may name an id, which is a GUID', () => {
    const id = 'AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee';
    expect(parseBody(environmentSchema, { name: 'x', id }).id).toBe(id.toLowerCase());
    expect(refusal(() => parseBody(environmentSchema, { name: 'x', id: '1' })).errors?.[0]?.path).toBe('id');
  });
});

describe('an entry of a support list', () => {
  it.each(['tomorrow', '2027-01-01', '2027-01-01T00:00:00', '2027-02-30T00:00:00Z'])(
    'does not expire at %s',
    (expires) => {
      const problem = refusal(() => parseBody(supportEntrySchema, { status: 'Block', expires }));
      expect(problem.errors?.map(({ path }) => path)).toEqual(['expires']);
    },
  );

  it('may expire at a time with an offset, or never', () => {
    expect(
      parseBody(supportEntrySchema, { status: 'Block', expires: '2027-01-01T00:00:00+02:00' }).status,
    ).toBe('Block');
    expect(parseBody(supportEntrySchema, { status: 'Safe', expires: null }).expires).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { checkFunction, type FunctionSource, type Resources } from './index.ts';

const resources: Resources = {
  environment: 'e',
  lists: { Countries: { columns: ['Code', 'Score'] } },
  functions: {
    Twice: {
      parameters: [{ name: '_n', type: 'Double', default: 0 }],
      outputs: [output('out', 'RETURN _n * 2')],
    },
  },
};

function output(name: string, code: string, type: 'Double' | 'String' = 'Double') {
  return { name, type, default: type === 'Double' ? 0 : '', code };
}

const source = (...outputs: ReturnType<typeof output>[]): FunctionSource => ({
  parameters: [
    { name: '_amount', type: 'Double', default: 1 },
    { name: '_country', type: 'String', default: '' },
  ],
  outputs,
});

describe('a function', () => {
  it('that is right has what it mentions as its references, itself not among them', () => {
    const { diagnostics, references } = checkFunction(
      'Risk',
      source(
        output('a', 'RETURN Functions.Twice(_amount).out'),
        output('b', 'RETURN Lookup("Countries", "Code", _country, "Score")', 'String'),
      ),
      resources,
    );
    expect(diagnostics).toEqual([]);
    expect(references.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'function Twice',
      ...references.filter(({ kind }) => kind === 'list').map(() => 'list Countries'),
    ]);
    expect(references.some(({ kind }) => kind === 'list')).toBe(true);
  });

  it('has the fault of each output told with its place', () => {
    const { diagnostics } = checkFunction(
      'Risk',
      source(
        output('a', 'RETURN\n  Lookup("Nowhere", "Code", _country, "Score")'),
        output('b', 'RETURN _nothing'),
        output('c', 'RETURN 1.0'),
      ),
      resources,
    );
    expect(diagnostics).toMatchObject([
      { rule: 'Risk', clause: 'a', severity: 'error', line: 2 },
      { rule: 'Risk', clause: 'b', severity: 'error', line: 1, column: 8 },
    ]);
    expect(diagnostics[0]?.message).toContain('Nowhere');
  });

  it('may not be computed from itself', () => {
    const { diagnostics } = checkFunction(
      'Twice',
      source(output('out', 'RETURN Functions.TWICE(1.0, "x").out')),
      resources,
    );
    expect(diagnostics).toHaveLength(1);
  });

  it('may not be computed from others that double with every output', () => {
    const outputs = Array.from({ length: 30 }, (_, i) =>
      output(`o${i}`, i === 0 ? 'RETURN 1' : `RETURN Functions.D().o${i - 1} + Functions.D().o${i - 1}`),
    );
    const functions = { D: { parameters: [], outputs } };
    const { diagnostics } = checkFunction('D', functions.D, { environment: 'e', functions });
    expect(diagnostics[0]).toMatchObject({ code: 'too-many', clause: 'o9', line: 1, column: 27 });
  });
});

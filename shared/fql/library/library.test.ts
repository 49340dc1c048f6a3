import { expect, test } from 'vitest';
import { sampleEnvironment, sampleRequest } from '../conformance/sample.ts';
import { evaluate } from '../evaluate.ts';
import { library } from './index.ts';

const rows = library.map(
  (m) => [`${m.owner}.${m.name}(${m.params.map((p) => p.type).join(', ')})`, m] as const,
);

test.each(rows)('%s gives what its example says', (_, member) => {
  const [code, value] = member.example;
  const action = member.owner === 'Response' && member.name === 'Decision';
  const rule = {
    name: 'R',
    clauses: [
      { name: 'c', code: action ? `DO SetResponse(value = ${code})` : `OBSERVE Output(value = ${code})` },
    ],
  };
  const result = evaluate(
    { ...sampleRequest, ...(action ? { actions: [rule] } : { rules: [rule] }) },
    sampleEnvironment,
  );
  if (result.kind !== 'answer') throw new Error(JSON.stringify(result));
  expect(result.answer.diagnostics).toEqual([]);
  expect(action ? result.answer.customProperties.value : result.answer.outputs.c?.value).toEqual(value);
});

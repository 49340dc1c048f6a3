import { expect, it } from 'vitest';
import { readEventLine } from './eventLine.ts';

function read(value: unknown) {
  const result = readEventLine(typeof value === 'string' ? value : JSON.stringify(value));
  if (!result.ok) return result.faults.map(({ path, message }) => `${path}: ${message}`);
  const { line: _, ...event } = result.event;
  return event;
}

const at = Date.UTC(2026, 0, 2);
const received = new Date(at).toISOString();

it('a line of a stored event says what it is, whatever its members would show', () => {
  const key = { type: 'Purchase', id: 'p', correlationId: 'c' };
  const event = { type: 'Purchase', body: { purchaseId: 'p' }, received: at, correlationId: 'c' };
  expect(read({ key, received, event: event.body })).toEqual(event);
  expect(read({ ...key, receivedAt: at, payload: event.body })).toEqual(event);
  expect(read({ type: 'Mine', event: { purchaseId: 'p' } })).toMatchObject({ type: 'Mine' });
});

it('a bare body shows its type by its members, in any letter case and in the older envelope', () => {
  const types: [string, object][] = [
    ['Label', { LabelObjectType: 'Purchase', LabelObjectId: 'p' }],
    ['AccountLabel', { label: { labelObjectType: 'AccountLogin' }, metadata: { loginId: 'l' } }],
    ['PurchaseStatus', { purchaseId: 'p', statusType: 'Approved' }],
    ['Purchase', { Data: { PurchaseId: 'p' } }],
    ['AccountCreation', { Metadata: { SignUpId: 's' } }],
    ['AccountLogin', { metadata: { loginId: 'l' } }],
  ];
  for (const [type, body] of types) expect(read(body), type).toEqual({ type, body });
});

it('the shortest label stands for a label of its purchase', () => {
  const label = { labelObjectType: 'Purchase', labelObjectId: 'p', labelSource: 'OfflineAnalysis' };
  for (const [word, isFraud] of [
    [true, true],
    ['True', true],
    [1, true],
    ['0', false],
    ['false ', false],
  ] as const)
    for (const body of [
      { purchaseId: 'p', isFraud: word },
      { PurchaseId: 'p', Fraud: word },
    ])
      expect(read({ ...body, received })).toEqual({
        type: 'Label',
        body: { ...label, isFraud },
        received: at,
      });
});

it('what is no line of an event says why', () => {
  expect(read('{')).toEqual([': is no JSON']);
  expect(read('[1]')).toEqual([': is no JSON object']);
  expect(read({ a: 1 })).toEqual([': neither its type nor its members say what kind of event this is']);
  expect(read({ type: 'Purchase', received: 'soon', event: {} })).toEqual([
    'received: is no time: ISO 8601, or milliseconds since 1970',
  ]);
  expect(read({ purchaseId: 'p', isFraud: 'perhaps' })).toEqual(['isFraud: expected true or false']);
});

import { describe, expect, it } from 'vitest';
import { readLine } from './eventLine.ts';

const now = Date.UTC(2026, 0, 1);
const read = (json: unknown) =>
  readLine(typeof json === 'string' ? json : JSON.stringify(json), { file: 0, line: 1 }, now);
const purchase = { purchaseId: 'p1', merchantLocalDate: '2025-06-01T12:00:00+02:00', user: { userId: 'u1' } };

function event(json: unknown) {
  const staged = read(json);
  if (!staged.ok) throw new Error(JSON.stringify(staged.faults));
  return staged.event;
}

function faults(json: unknown) {
  const staged = read(json);
  return staged.ok ? [] : staged.faults.map(({ path, message }) => `${path}: ${message}`);
}

describe('a line of past events', () => {
  it('may be a bare body of any kind, which its members tell, at its own time', () => {
    expect(event(purchase)).toMatchObject({
      key: { type: 'Purchase', id: 'p1' },
      received: '2025-06-01T10:00:00.000Z',
    });
    expect(
      event({ PurchaseId: 'p1', MerchantLocalDate: '2025-06-01', User: { UserId: 'u1' } }).key.type,
    ).toBe('Purchase');
    const bodies: Record<string, object> = {
      Chargeback: { chargebackId: 'c', purchaseId: 'p1', bankEventTimestamp: '2025-07-01' },
      Refund: { refundId: 'r', purchaseId: 'p1', bankEventTimestamp: '2025-07-01' },
      BankEvent: { bankEventId: 'b', type: 'Auth', purchaseId: 'p1', bankEventTimestamp: '2025-07-01' },
      PurchaseStatus: { purchaseId: 'p1', statusType: 'Approved', statusDate: '2025-07-01' },
      Label: { labelObjectType: 'Purchase', labelObjectId: 'p1', eventTimeStamp: '2025-07-01' },
      AccountCreation: { metadata: { signUpId: 's', customerLocalDate: '2025-07-01' } },
      AccountLogin: { metadata: { loginId: 'l', merchantTimeStamp: '2025-07-01' } },
    };
    for (const [type, body] of Object.entries(bodies)) expect(event(body).key.type, type).toBe(type);
  });

  it('may be an export, in both forms, with the decision that was made', () => {
    const answer = { decision: 'Reject', riskScore: 700, rule: 'r' };
    const received = '2025-06-01T10:00:01.000Z';
    const key = { type: 'Purchase', id: 'p1', correlationId: 'c1' };
    for (const line of [
      { key, received, event: purchase, answer },
      { ...key, received, event: purchase, answer },
    ])
      expect(event(line)).toMatchObject({
        key,
        stated: true,
        received,
        decision: { decision: 'Reject', riskScore: 700, rule: 'r', botScore: 0 },
      });
  });

  it('of an assessment without a decision never has the key of a live one', () => {
    const { key, stated } = event({ key: { type: 'Purchase', correlationId: 'c1' }, event: purchase });
    expect(stated).toBe(false);
    expect(key.correlationId).toMatch(/^import:/);
    expect(event(purchase).key).toEqual(key);
  });

  it('may be the shortest label; one without a time is known from the import on', () => {
    expect(event({ purchaseId: 'p1', isFraud: 1, received: 1_750_000_000_000 })).toMatchObject({
      key: { type: 'Label' },
      received: new Date(1_750_000_000_000).toISOString(),
      event: { labelObjectType: 'Purchase', labelObjectId: 'p1', isFraud: true },
    });
    expect(event({ purchaseId: 'p1', isFraud: false }).received).toBe(new Date(now).toISOString());
  });

  it('of a clock that runs ahead is of the import’s own time', () => {
    const ahead = new Date(now + 9 * 3_600_000).toISOString();
    expect(event({ ...purchase, merchantLocalDate: ahead }).received).toBe(new Date(now).toISOString());
  });

  it('that cannot be imported says why, with the path', () => {
    expect(faults('{"a')).toEqual([': is no JSON']);
    expect(faults('[1]')).toEqual([': is no JSON object']);
    expect(faults({ a: 1 })).toEqual([': neither its type nor its members say what kind of event this is']);
    expect(faults({ type: 'Assessment', event: { a: 1 } })).toEqual([
      'type: is no type of event that can be imported: Assessment',
    ]);
    expect(
      faults({ ...purchase, user: {}, productList: [{ productId: 'x' }, { quantity: 'many' }] }),
    ).toEqual([
      'user.userId: is required',
      'productList[1].productId: is required',
      'productList[1].quantity: expected a number, got the text "many"',
    ]);
    expect(faults({ ...purchase, merchantLocalDate: 'yesterday' })[0]).toMatch(
      /^merchantLocalDate: has no time/,
    );
    expect(faults({ ...purchase, merchantLocalDate: '2027-01-01' })[0]).toMatch(/before 2000 or ahead/);
    // nanoseconds
    for (const received of [1.7e18, -1e300, '+275760-09-13T00:00:00-14'])
      expect(faults({ type: 'Purchase', received, event: purchase })[0]).toMatch(/before 2000 or ahead/);
    expect(faults({ type: 'Purchase', received: 'soon', event: purchase })[0]).toMatch(
      /^received: is no time/,
    );
    const line = { key: { type: 'Purchase', correlationId: 'c' }, received: now, event: purchase };
    expect(faults({ ...line, key: { ...line.key, correlationId: 'c'.repeat(1025) } })).toEqual([
      'key.correlationId: is longer than 1024 characters',
    ]);
    const answer = { decision: 'Approve', reasons: Array(9000).fill('because') };
    expect(faults({ ...line, answer })).toEqual(['answer: has a decision of more than 32 KiB']);
    expect(faults({ ...purchase, customData: { x: Array(9).fill('y'.repeat(32_000)) } })).toEqual([
      ': is larger than 256 KiB',
    ]);
  });
});

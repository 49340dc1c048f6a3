import { describe, expect, it } from 'vitest';
import { EventLineError, type Gathered, gatherLines, readTrainingLine } from './eventLines.ts';

const body = {
  purchaseId: 'p1',
  merchantLocalDate: '2026-01-02T03:04:05Z',
  totalAmount: 5,
  user: { userId: 'u' },
};
const at = Date.parse('2026-01-03T00:00:00.000Z');
const received = new Date(at).toISOString();
const read = (value: unknown) => readTrainingLine(JSON.stringify(value));

describe('event lines', () => {
  it('are read as stored, in short and bare', () => {
    const event = { type: 'Purchase', id: 'p1', at, payload: body };
    expect(read({ key: { type: 'Purchase', id: 'p1' }, received, event: body })).toEqual({
      kind: 'event',
      event,
    });
    expect(read({ type: 'purchase', receivedAt: at, payload: body })).toEqual({ kind: 'event', event });
    expect(read(body)).toEqual({
      kind: 'event',
      event: { ...event, at: Date.parse('2026-01-02T03:04:05Z') },
    });
  });

  it('carry what was known beside the event, whether it is stored, in the lake or written in short', () => {
    const deviceAttributes = { trueIp: '203.0.113.1', deviceCountryCode: 'NL' };
    const reads = [
      { request: { id: 'score|purchases_perIP' }, answer: { value: 3 } },
      { request: { id: 'score|purchases_perEmail' }, answer: { failed: { code: 'velocity-failed' } } },
      { request: { id: 'velocity|other' }, answer: { value: 4 } },
    ];
    const line = { type: 'Purchase', received, event: body };
    const known = { deviceAttributes, ipCountry: 'NL', binCountry: 'BE' };
    const velocities = { purchases_perIP: 3 };
    const stored = {
      enrichment: { deviceAttributes },
      scoring: { ipCountry: 'NL', binCountry: 'BE' },
      reads,
    };
    expect(read({ ...line, evidence: stored })).toMatchObject({ event: { ...known, velocities } });
    const lake = { ...line, enrichment: { deviceAttributes, binCountry: 'BE' }, evidence: { reads } };
    expect(read(lake)).toMatchObject({ event: { ...known, velocities } });
    expect(read({ ...line, ...known, deviceAttributes: {} })).toMatchObject({
      event: { ...known, deviceAttributes: {} },
    });
  });

  it('bring purchases into their canonical form, as the API does', () => {
    const line = read({
      PurchaseId: 'p1',
      MerchantLocalDate: received,
      TotalAmount: '5.00',
      purchaseId: undefined,
      type: 'Purchase',
      event: { PURCHASEID: 'p1', merchantLocalDate: received, TOTALAMOUNT: '5.50' },
    });
    expect(line).toMatchObject({ kind: 'event', event: { payload: { purchaseId: 'p1', totalAmount: 5.5 } } });
  });

  it('read sign-ups and sign-ins too', () => {
    const login = read({
      metadata: { loginId: 'l1', merchantTimeStamp: received },
      device: { sessionId: 's' },
      user: { userId: 'u' },
    });
    expect(login).toMatchObject({
      kind: 'event',
      event: { type: 'AccountLogin', id: 'l1', at, payload: { device: { deviceContextId: 's' } } },
    });
    expect(read({ metadata: { signUpId: 's1', merchantTimeStamp: received } })).toMatchObject({
      event: { type: 'AccountCreation', id: 's1' },
    });
  });

  it('keep what enrichment added', () => {
    const evidence = { enrichment: { deviceAttributes: { deviceId: 'd' } } };
    expect(read({ type: 'Purchase', received, event: body, evidence })).toMatchObject({
      event: { deviceAttributes: { deviceId: 'd' } },
    });
  });

  it('are labels where they carry one, and nothing where they do not', () => {
    const verdict = { target: { kind: 'event', type: 'Purchase', id: 'p1' }, fraud: true, arrived: at };
    expect(read({ purchaseId: 'p1', isFraud: 1, received })).toMatchObject({
      kind: 'label',
      label: verdict,
      undated: false,
    });
    expect(read({ purchaseId: 'p1', isFraud: true })).toMatchObject({ kind: 'label', undated: true });
    expect(read({ PurchaseId: 'p1', IsFraud: 'True', received })).toMatchObject({ label: verdict });
    expect(read({ type: 'MyAssessment', received, event: { a: 1 } })).toEqual({ kind: 'nothing' });
    expect(
      read({ chargebackId: 'c', purchaseId: 'p1', status: 'Accepted', bankEventTimestamp: received }),
    ).toMatchObject({ kind: 'label', label: verdict });
    expect(
      read({ labelObjectType: 'PURCHASE', labelObjectId: 'p1', eventTimeStamp: received }),
    ).toMatchObject({ label: verdict });
    expect(
      read({
        type: 'BankEvent',
        received,
        event: { bankEventId: 'b', type: 'Auth', purchaseId: 'p1', status: 'Approved' },
      }),
    ).toEqual({ kind: 'nothing' });
  });

  it('that cannot be read are refused with the reason', () => {
    const wrong = (text: string) => expect(() => readTrainingLine(text));
    wrong('{').toThrow(EventLineError);
    wrong('7').toThrow(/no JSON object/);
    wrong('{"a":1}').toThrow(/neither its type/);
    wrong('{"type":"Purchase","event":{"purchaseId":"x","merchantLocalDate":"soon"}}').toThrow(
      /neither when/,
    );
    wrong('{"type":"Purchase","event":{"merchantLocalDate":"2026-01-01"}}').toThrow(
      /^purchaseId is required$/,
    );
    wrong('{"purchaseId":"p1","isFraud":"maybe"}').toThrow(/^isFraud expected true or false$/);
  });

  it('are gathered, and those that cannot be read noted by number', async () => {
    const gathered: Gathered = { events: [], labels: [], undated: [], faults: [] };
    async function* lines() {
      yield JSON.stringify(body);
      yield '';
      yield 'nonsense';
      yield JSON.stringify({ purchaseId: 'p1', isFraud: true, received });
      yield JSON.stringify({ purchaseId: 'p1', isFraud: true });
    }
    await gatherLines(lines(), gathered);
    expect(gathered.events.map(({ id }) => id)).toEqual(['p1']);
    expect(gathered.labels.map(({ arrived }) => arrived)).toEqual([at]);
    expect(gathered.undated.length).toBe(1);
    expect(gathered.faults).toEqual([{ line: 3, message: 'is no JSON' }]);
  });
});

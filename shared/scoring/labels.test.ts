import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeatureEvent } from './features/event.ts';
import { openLabelBook } from './labelBook.ts';
import { type Label, type LabelSource, labelOf } from './labels.ts';
import { openReplay } from './replay.ts';
import { directories } from './scorecardDirectories.ts';
import { collectTrainingRows, sourceOf } from './trainingRows.ts';

const day = 86_400_000;
const types = ['Purchase'];
const start = Date.UTC(2026, 0, 10);
const arrived = start + 30 * day;

function purchase(id: string, at: number, user = 'u1', change: Record<string, unknown> = {}): FeatureEvent {
  const payload = {
    purchaseId: id,
    totalAmount: 20,
    user: { userId: user, email: `${user}@x.example` },
    paymentInstrumentList: [{ type: 'CreditCard', merchantPaymentInstrumentId: `card-${user}` }],
    ...change,
  };
  return { type: 'Purchase', id, at, payload };
}
function label(id: string, fraud: boolean, found: number, source: LabelSource = 'label'): Label {
  return { target: { kind: 'event', type: 'Purchase', id }, fraud, source, found, arrived: found };
}

describe('labels from observation events', () => {
  const of = (type: string, payload: Record<string, unknown>) => labelOf({ type, arrived, payload });
  const purchaseId = 'p1';
  const target = { kind: 'event', type: 'Purchase', id: 'p1' };

  it.each([
    ['Chargeback', { status: 'Accepted' }, true],
    ['Chargeback', { status: 'Disputed' }, true],
    ['Chargeback', { status: 'ResubmittedRequest' }, true],
    ['Chargeback', {}, true],
    ['Chargeback', { status: 'REVERSED' }, false],
    ['Chargeback', { status: 'Inquiry' }, undefined],
    ['Chargeback', { status: 'Accepted', reason: 'Goods not received' }, undefined],
    ['Refund', { reason: 'FraudRefund', status: 'Approved' }, true],
    ['Refund', { reason: 'FraudRefund', status: 'Declined' }, undefined],
    ['Refund', { reason: 'CustomerRequest', status: 'Approved' }, undefined],
    ['PurchaseStatus', { statusType: 'Rejected', reason: 'OfflineManualReview_Fraud' }, true],
    ['PurchaseStatus', { statusType: 'Rejected', reason: 'InlineManualReview_AccountCompromise' }, true],
    ['PurchaseStatus', { statusType: 'Rejected', reason: 'InlineManualReview_General' }, undefined],
    ['PurchaseStatus', { statusType: 'Approved', reason: 'InlineManualReview_General' }, false],
    ['PurchaseStatus', { statusType: 'Rejected', reason: 'RuleEngine' }, undefined],
    ['BankEvent', { type: 'Auth', status: 'Declined', bankResponseCode: '43' }, true],
    ['BankEvent', { type: 'Auth', status: 'Declined', bankResponseCode: '7' }, true],
    ['BankEvent', { type: 'Auth', status: 'Declined', bankResponseCode: '51' }, undefined],
    ['BankEvent', { type: 'Auth', status: 'Approved', bankResponseCode: '43' }, undefined],
  ] as const)('%s %j is fraud: %s', (type, payload, fraud) => {
    const found = of(type, { purchaseId, ...payload });
    expect(found?.fraud).toBe(fraud);
    if (found) expect(found.target).toEqual(target);
  });

  it('a Label is fraud where it does not say otherwise', () => {
    const about = { labelObjectType: 'PURCHASE', labelObjectId: 'p1' };
    expect(of('Label', about)).toMatchObject({ fraud: true, target });
    expect(of('Label', { ...about, isFraud: false })?.fraud).toBe(false);
    expect(of('Label', { ...about, labelState: 'FalsePositive' })?.fraud).toBe(false);
    expect(of('Label', { ...about, labelState: 'Reversed' })?.fraud).toBe(false);
    expect(of('Label', { ...about, labelState: 'Inquiry' })).toBeUndefined();
    expect(of('Label', { labelObjectType: 'PURCHASE' })).toBeUndefined();
    expect(of('Label', { labelObjectType: 'Planet', labelObjectId: 'x' })).toBeUndefined();
  });

  it('a Label of an account, payment instrument or e-mail address has its effective dates', () => {
    const body = {
      labelObjectType: 'ACCOUNT',
      labelObjectId: 'u1',
      effectiveStartDate: '2026-01-10T00:00:00Z',
      effectiveEndDate: '2026-01-11T00:00:00Z',
      eventTimeStamp: '2026-01-12T00:00:00Z',
    };
    expect(of('Label', body)).toEqual({
      target: { kind: 'user', key: 'u1', from: start, until: start + day },
      fraud: true,
      source: 'label',
      found: start + 2 * day,
      arrived,
    });
    expect(of('Label', { labelObjectType: 'Email', labelObjectId: 'A@B.C' })?.target).toEqual({
      kind: 'email',
      key: 'a@b.c',
    });
    expect(of('Label', { labelObjectType: 'PI', labelObjectId: 'c' })?.target).toEqual({
      kind: 'payment',
      key: 'c',
    });
  });

  it('a time in the future counts as the time of arrival', () => {
    const ahead = of('Label', {
      labelObjectType: 'Purchase',
      labelObjectId: 'p1',
      eventTimeStamp: '2100-01-01T00:00:00Z',
    });
    expect(ahead?.found).toBe(arrived);
  });
});

describe('the label book', () => {
  const event = purchase('p1', start);

  it('lets the later finding win, whatever the order and time of arrival', () => {
    const earlier = { ...label('p1', true, start + day), arrived: start + 9 * day };
    const later = { ...label('p1', false, start + 2 * day, 'bankEvent'), arrived: start + 3 * day };
    for (const order of [
      [earlier, later],
      [later, earlier],
    ]) {
      const book = openLabelBook();
      book.addEvent(event);
      for (const one of order) book.addLabel(one);
      expect(book.standing(event)).toBe(later);
    }
  });

  it('lets the better source win where two are of one moment', () => {
    const book = openLabelBook();
    book.addEvent(event);
    book.addLabel(label('p1', false, start + day, 'label'));
    expect(book.addLabel(label('p1', true, start + day, 'bankEvent'))).toEqual([]);
    expect(book.standing(event)?.source).toBe('label');
  });

  it('reaches the events of an entity within the effective dates, also those that come later', () => {
    const inside = purchase('in', start + day);
    const outside = purchase('out', start + 5 * day);
    const stranger = purchase('other', start + day, 'u2');
    const late = purchase('late', start + day + 1);
    const book = openLabelBook();
    for (const one of [inside, outside, stranger]) book.addEvent(one);
    const account: Label = {
      target: { kind: 'user', key: 'u1', from: start, until: start + 2 * day },
      fraud: true,
      source: 'label',
      found: arrived,
      arrived,
    };
    expect(book.addLabel(account)).toEqual([{ event: inside, frauds: 1 }]);
    expect(book.addEvent(late)).toEqual([{ event: late, frauds: 1 }]);
    expect(book.standing(outside)).toBeUndefined();
    expect(book.standing(stranger)).toBeUndefined();
  });

  it('knows a label that came before its event, and counts a repeated one once', () => {
    const book = openLabelBook();
    expect(book.addLabel(label('p1', true, start + day))).toEqual([]);
    expect(book.addEvent(event)).toEqual([{ event, frauds: 1 }]);
    expect(book.addLabel(label('p1', true, start + day))).toEqual([]);
    expect(book.addLabel(label('p1', false, start + 2 * day))).toEqual([{ event, frauds: -1 }]);
  });

  it('gives changes that always add up to what is known', () => {
    const ids = ['a', 'b', 'c'];
    const step = fc.oneof(
      fc.record({ kind: fc.constant('event' as const), id: fc.constantFrom(...ids) }),
      fc.record({
        kind: fc.constant('label' as const),
        id: fc.constantFrom(...ids),
        whole: fc.boolean(),
        fraud: fc.boolean(),
        found: fc.nat(5),
        source: fc.constantFrom('label' as const, 'chargeback' as const),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const book = openLabelBook();
        const frauds = new Map<FeatureEvent, number>();
        for (const one of steps) {
          const changes = (() => {
            if (one.kind === 'event') {
              const added = purchase(one.id, start);
              frauds.set(added, 0);
              return book.addEvent(added);
            }
            const made = label(one.id, one.fraud, start + one.found, one.source);
            return book.addLabel(one.whole ? { ...made, target: { kind: 'user', key: 'u1' } } : made);
          })();
          for (const change of changes) frauds.set(change.event, frauds.get(change.event)! + change.frauds);
        }
        for (const [known, count] of frauds) expect(count).toBe(book.standing(known)?.fraud ? 1 : 0);
      }),
    );
  });
});

describe('training rows', () => {
  it('are mature events with the labels known by then; nothing knows the future', async () => {
    const events = [purchase('a', start), purchase('b', start + day), purchase('young', start + 40 * day)];
    const labels = [
      label('a', true, start + 10 * day),
      label('b', true, start + 100 * day),
      label('young', true, start + 41 * day),
    ];
    const rows = await collectTrainingRows(sourceOf(events, labels), directories, {
      types,
      asOf: start + 45 * day,
    });
    expect([...rows.at]).toEqual([start, start + day]);
    expect([...rows.labels]).toEqual([1, 0]);
  });

  it('are the rows that live scoring saw', async () => {
    const events = Array.from({ length: 60 }, (_, i) =>
      purchase(`p${i}`, start + i * day * 0.4, `u${i % 3}`),
    );
    const labels = events.filter((_, i) => i % 4 === 0).map(({ id, at }) => label(id, true, at + 2 * day));
    const live = openReplay(directories);
    const waiting = [...labels].sort((a, b) => a.arrived - b.arrived);
    const seen = events.map((event) => {
      while (waiting[0] && waiting[0].arrived <= event.at) live.label(waiting.shift()!);
      return live.event(event);
    });
    const rows = await collectTrainingRows(sourceOf(events.toReversed(), labels.toReversed()), directories, {
      types,
      asOf: start + 90 * day,
    });
    expect(rows.at.length).toBe(60);
    for (const [index, row] of seen.entries())
      expect(Float32Array.from(rows.columns, (column) => column[index]!)).toEqual(row);
  });

  it('keep all frauds and about as many legitimate ones as asked for, each with the row it has anyway', async () => {
    const events = Array.from({ length: 400 }, (_, i) => purchase(`p${i}`, start + i * 60_000, `u${i % 7}`));
    const labels = events.filter((_, i) => i % 20 === 0).map(({ id, at }) => label(id, true, at + day));
    const settings = { types, asOf: start + 60 * day };
    const all = await collectTrainingRows(sourceOf(events, labels), directories, settings);
    const some = await collectTrainingRows(sourceOf(events, labels), directories, {
      ...settings,
      mostLegitimate: 100,
    });
    expect(all.at.length).toBe(400);
    expect(some.labels.reduce((sum, one) => sum + one, 0)).toBe(20);
    expect(some.at.length).toBeGreaterThan(80);
    expect(some.at.length).toBeLessThan(160);
    expect(some.legitimateShare).toBeCloseTo(100 / 380, 6);
    for (const [index, at] of some.at.entries()) {
      const same = all.at.indexOf(at);
      expect(some.columns.map((column) => column[index])).toEqual(all.columns.map((column) => column[same]));
    }
  });

  it('are of the latest days where there are more events than are replayed, a third of them for the histories', async () => {
    const events = Array.from({ length: 900 }, (_, i) =>
      purchase(`p${i}`, start + i * (day / 100), `u${i % 7}`),
    );
    const settings = { types, asOf: start + 60 * day, mostEvents: 350 };
    const rows = await collectTrainingRows(sourceOf(events, []), directories, settings);
    // days 7 to 9 are replayed, rows begin after a third of the way from the first to the last
    expect(rows.at[0]).toBeGreaterThanOrEqual(start + 6.66 * day);
    expect(rows.at[0]).toBeLessThan(start + 6.68 * day);
    expect(rows.at.at(-1)).toBe(start + 8.99 * day);
    const all = await collectTrainingRows(sourceOf(events, []), directories, {
      ...settings,
      mostEvents: 900,
    });
    expect(all.at.length).toBe(900);
  });

  it('come out alike with duplicated events and labels before events', async () => {
    const events = [purchase('a', start), purchase('a', start), purchase('b', start + day)];
    const labels = [label('a', true, start - day), label('b', false, start - day)];
    const rows = await collectTrainingRows(sourceOf(events, labels), directories, {
      types,
      asOf: start + 60 * day,
    });
    expect([...rows.labels]).toEqual([1, 1, 0]);
  });
});

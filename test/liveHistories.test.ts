/**
 * What live assessments know of an event's past is what training replays from the stored events and their times of receipt: counts,
 * amounts and known frauds of every entity, whatever labels say, in any order.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../shared/assessment/app.ts';
import { assess } from '../shared/assessment/assess.ts';
import { identityOf } from '../shared/assessment/identity.ts';
import { standingOf } from '../shared/assessment/labels.ts';
import { observe } from '../shared/assessment/observe.ts';
import type { EventKey } from '../shared/assessment/record.ts';
import { eventKinds } from '../shared/events/index.ts';
import { openApp } from '../shared/openApp.ts';
import { readTrainingLine } from '../shared/scoring/eventLines.ts';
import { entitiesOf } from '../shared/scoring/features/entities.ts';
import type { FeatureEvent } from '../shared/scoring/features/event.ts';
import { featureNames, featureRow } from '../shared/scoring/features/schema.ts';
import { openReplay } from '../shared/scoring/replay.ts';
import { directories } from '../shared/scoring/scorecardDirectories.ts';
import { randomSource } from '../shared/scoring/trees/random.ts';
import { readSettings } from '../shared/settings.ts';
import seeded from '../tools/seed/purchase.json' with { type: 'json' };
import { type Azurite, startAzurite } from './azurite.ts';
import { knownOf } from './knownOf.ts';

const minute = 60_000;
const day = 1440 * minute;
/** so many ids of purchases */
const purchases = 15;
const start = Date.UTC(2026, 4, 4, 10);
let azurite: Azurite;
let app: App;
let now = start;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  app.clock = () => now;
  await app.config.putEnvironment('shop', { name: 'Shop' }, { by: 'a test' });
}, 60_000);
afterAll(() => azurite?.stop());

/** As the wire does. */
async function send(
  type: keyof typeof eventKinds,
  body: object,
  correlationId: string,
  by: App = app,
): Promise<EventKey> {
  const parsed = eventKinds[type].parse(body);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const { event } = parsed;
  const { payload, links, subjects } = event;
  const known = { type, payload, links, subjects, environment: 'shop', ...identityOf(event, correlationId) };
  if (eventKinds[type].role === 'assessment') return (await assess(by, known)).key;
  return (await observe(by, known)).key;
}

async function storedOf(key: EventKey) {
  const stored = await app.records.read(key);
  if (!stored) throw new Error(`${key.id} is not stored`);
  return stored;
}

async function lineOf(key: EventKey) {
  return readTrainingLine(JSON.stringify(await storedOf(key)));
}

async function liveRow(root: string, event: FeatureEvent): Promise<Float32Array> {
  const entities = entitiesOf(event);
  const histories = await app.scoring.histories.read(root, event.type, entities);
  return featureRow(event, entities, histories, directories);
}

function purchaseOf(id: string, user: number, amount: number): object {
  return {
    ...seeded,
    purchaseId: id,
    totalAmount: amount,
    merchantIdentifier: 'shop',
    user: { userId: `u${user}`, email: `Mail${user % 3}@x.example` },
    deviceContext: { deviceContextId: `d${user % 4}`, ipAddress: `203.0.113.${user % 2}` },
    paymentInstrumentList: [{ merchantPaymentInstrumentId: `pi${user % 4}`, type: 'CreditCard' }],
    productList: [{ productId: `product${amount % 3}`, purchasePrice: amount }],
  };
}

function signInOf(id: string, user: number): object {
  return {
    metadata: { loginId: id, userId: `u${user}` },
    user: { userId: `u${user}` },
    device: { deviceContextId: `d${user % 4}`, ipAddress: `203.0.113.${user % 2}` },
  };
}

const objects = [
  ['ACCOUNT', (n: number) => `u${n % 5}`],
  ['PI', (n: number) => `pi${n % 4}`],
  ['EMAIL', (n: number) => `mail${n % 3}@X.example`],
] as const;

/** A label of one kind or another, about an event that may be there or not, or about a customer, card or address. */
function labelOf(random: () => number, step: number): [keyof typeof eventKinds, object] {
  const id = `p${Math.floor(random() * purchases)}`;
  const found = new Date(now - Math.floor(random() * 3) * 60 * minute).toISOString();
  const fraud = random() < 0.7;
  const kind = Math.floor(random() * 7);
  if (kind === 0)
    return [
      'Chargeback',
      {
        chargebackId: `c${step}`,
        purchaseId: id,
        status: fraud ? 'Submitted' : 'Reversed',
        bankEventTimestamp: found,
      },
    ];
  if (kind === 1)
    return [
      'BankEvent',
      {
        bankEventId: `b${step}`,
        purchaseId: id,
        type: 'Auth',
        status: 'Declined',
        bankResponseCode: fraud ? '43' : '51',
        bankEventTimestamp: found,
      },
    ];
  if (kind === 2)
    return [
      'Refund',
      { refundId: `r${step}`, purchaseId: id, reason: fraud ? 'FraudRefund' : 'Other', status: 'Approved' },
    ];
  if (kind === 3)
    return [
      'PurchaseStatus',
      {
        purchaseId: id,
        statusType: fraud ? 'Rejected' : 'Approved',
        statusDate: found,
        reason: fraud ? 'OfflineManualReview_Fraud' : 'OfflineManualReview_General',
      },
    ];
  const [labelObjectType, keyOf] = objects[step % objects.length]!;
  const ofEntity = {
    labelObjectType,
    labelObjectId: keyOf(Math.floor(random() * 6)),
    ...(random() < 0.5 ? { effectiveStartDate: new Date(now - 2 * day).toISOString() } : {}),
    ...(random() < 0.5 ? { effectiveEndDate: new Date(now + day).toISOString() } : {}),
  };
  const target = kind === 4 ? ofEntity : { labelObjectType: 'Purchase', labelObjectId: id };
  return [
    'Label',
    { ...target, labelSource: 'TEST', labelState: fraud ? 'Fraud' : 'FalsePositive', eventTimeStamp: found },
  ];
}

describe('histories of live assessments', () => {
  it('are those that training replays, whatever labels say and in any order', {
    timeout: 120_000,
  }, async () => {
    const random = randomSource(7);
    const replay = openReplay(directories);
    const root = (await app.config.snapshot('shop')).root;
    let labels = 0;
    for (let step = 0; step < 90; step++) {
      now += Math.floor(random() * 5 * 60) * minute + 1;
      let key: EventKey;
      const choice = random();
      const correlation = `correlation-${step}`;
      if (choice < 0.45) {
        // many are tried again under another correlation id, and had labels before they came
        const id = `p${Math.floor(random() * purchases)}`;
        key = await send('Purchase', purchaseOf(id, Math.floor(random() * 6), 1 + (step % 40)), correlation);
      } else if (choice < 0.55) key = await send('AccountLogin', signInOf(`s${step}`, step % 5), correlation);
      else key = await send(...labelOf(random, step), correlation);
      const line = await lineOf(key);
      if (line.kind === 'event') {
        replay.event(line.event);
        const standing = replay.book.standing(line.event);
        expect((await standingOf(app, key))?.fraud, `step ${step}`).toBe(standing?.fraud);
      }
      if (line.kind === 'label') {
        replay.label(line.label);
        labels++;
      }
      // an event of each customer, as it would be seen next
      for (const user of step % 2 === 0 ? [0, 1, 2] : [3, 4, 5]) {
        const next: FeatureEvent = {
          type: step % 3 > 0 ? 'Purchase' : 'AccountLogin',
          id: 'next',
          at: now + 1,
          payload: JSON.parse(
            JSON.stringify(step % 3 > 0 ? purchaseOf('next', user, 7) : signInOf('next', user)),
          ),
        };
        const live = await liveRow(root, next);
        const replayed = replay.histories.row(next);
        const other = featureNames.filter((_, index) => !Object.is(live[index], replayed[index]));
        expect(other, `step ${step}: ${key.type} ${key.id}`).toEqual([]);
      }
    }
    expect(labels).toBeGreaterThan(20);
  });

  it('agree with what stands, where labels and their purchase come at once, to several processes', async () => {
    const other = { ...(await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }))) };
    other.clock = () => now;
    for (let round = 0; round < 3; round++) {
      now += minute;
      const [id, user] = [`at once ${round}`, `racer ${round}`];
      const found = (label: number) => new Date(now - day + label * minute).toISOString();
      const said = (label: number) => ({
        labelObjectType: label % 3 === 2 ? 'ACCOUNT' : 'Purchase',
        labelObjectId: label % 3 === 2 ? user : id,
        labelSource: 'TEST',
        labelState: (label + round) % 2 === 0 ? 'Fraud' : 'FalsePositive',
        eventTimeStamp: found(label),
      });
      const bought = { ...purchaseOf(id, 0, 5), user: { userId: user } };
      const [key] = await Promise.all([
        send('Purchase', bought, 'c'),
        ...[0, 1, 2, 3, 4, 5].flatMap((label) =>
          [app, other].map((by) => send('Label', said(label), `${round}-${label}`, by)),
        ),
      ]);
      // the label that was found last stands, whoever came first
      expect((await standingOf(app, key))?.fraud).toBe((5 + round) % 2 === 0);
      expect(await knownOf(azurite.connectionString, (await storedOf(key)).root, user)).toEqual({
        purchases: 1,
        frauds: (5 + round) % 2 === 0 ? 1 : 0,
      });
    }
  });
});

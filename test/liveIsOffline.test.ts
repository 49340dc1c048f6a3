/**
 * Purchases and labels of the simulator through the HTTP API of the real app, with trained models in force, then exported with
 * their times of receipt and put through `holdfast model score`: the same scores, probabilities and reasons. LIVE=10000
 * sends so many purchases (some minutes).
 */
import { execFile } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { referenceContainer } from '../shared/referenceFile.ts';
import { modelEvents, scorecardVelocities } from '../shared/scoring/index.ts';
import { type Model, packModel } from '../shared/scoring/model.ts';
import { openModelStore } from '../shared/scoring/modelStore.ts';
import { directories } from '../shared/scoring/scorecardDirectories.ts';
import { trainModel } from '../shared/scoring/trainer.ts';
import { collectTrainingRows, sourceOf } from '../shared/scoring/trainingRows.ts';
import { openStorage } from '../shared/storage/index.ts';
import { type Issuer, startIssuer } from '../tools/issuer/issuer.ts';
import { handbookSettings, purchaseOf, simulate } from '../tools/scoring/simulator.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, type RunningApp, startApp, until } from './holdfast.ts';
import { writeMmdb } from './mmdb.ts';

const count = Number(process.env.LIVE ?? 120);
/** purchases that may be needed until a model is seen to be in force */
const spare = 100;
const day = 86_400_000;
/** Findings come so long after a fraud. */
const delay = 3 * 3_600_000;
const customers = Math.max(60, Math.ceil(count / 60));
const made = simulate({
  ...handbookSettings,
  customers,
  terminals: customers,
  radius: 25,
  // a customer buys about twice a day; models learn from four weeks before
  days: Math.ceil(count / customers / 1.9) + 28,
  terminalsPerDay: 0,
  customersPerDay: 1,
  start: Date.UTC(2026, 0, 1),
});
const first = made.count - count - spare;

const countries = ['US', 'MX'];
const bins = ['411111', '422222'];

/** A purchase with addresses of the client, the bill and the bank, which may lie in different countries. */
function bodyOf(row: number) {
  const purchase = purchaseOf(made, row);
  const device = made.device[row]!;
  const [instrument] = Array.isArray(purchase.paymentInstrumentList) ? purchase.paymentInstrumentList : [];
  const billingAddress = { country: countries[made.customer[row]! % 2], street1: '1 Example Way' };
  const user = {
    userId: `customer-${made.customer[row]}`,
    email: `c${made.customer[row]! % 101}@gmail.com`,
    country: 'US',
  };
  return {
    ...purchase,
    user,
    deviceContext: {
      externalDeviceId: `device-${device}`,
      deviceContextId: `session-${row}`,
      ipAddress: device % 3 === 0 ? '203.0.113.9' : `198.51.100.${device % 200}`,
    },
    paymentInstrumentList: [{ ...instrument, bin: bins[row % 7 === 0 ? 1 : 0], billingAddress }],
    productList: [{ productId: `product-${made.terminal[row]! % 89}`, purchasePrice: 5 }],
  };
}

/** What a purchase has in common with others: whose history it changes, and who must wait for it. */
function thingsOf(row: number): string[] {
  const { user, deviceContext, productList } = bodyOf(row);
  const { externalDeviceId, ipAddress } = deviceContext;
  return [
    user.userId,
    user.email,
    externalDeviceId,
    ipAddress,
    `terminal-${made.terminal[row]}`,
    ...productList.map(({ productId }) => productId),
  ];
}

/** A model of what came before, as it would have been trained offline; `frauds` says how many it claims to have learnt from. */
async function trained(trees: number, created: string, frauds?: number): Promise<Model> {
  const rows = Array.from({ length: first }, (_, row) => row);
  const events = rows.map((row) => {
    const payload = bodyOf(row);
    const ipCountry = payload.deviceContext.ipAddress.startsWith('203') ? 'MX' : 'US';
    const binCountry = payload.paymentInstrumentList[0]?.bin === '422222' ? 'MX' : 'US';
    return { type: 'Purchase', id: `purchase-${row}`, at: made.at[row]!, payload, ipCountry, binCountry };
  });
  const labels = events
    .filter((_, row) => made.fraud[row] === 1)
    .map(({ id, at }) => ({
      target: { kind: 'event' as const, type: 'Purchase', id },
      fraud: true,
      source: 'label' as const,
      found: at + 3 * day,
      arrived: at + 3 * day,
    }));
  const collected = await collectTrainingRows(sourceOf(events, labels), directories, {
    types: modelEvents.risk,
    asOf: made.at[first]! + 10 * day,
    maturity: { Purchase: 3 },
  });
  const model = trainModel(collected, { kind: 'risk', created, trees: { trees } });
  const { trainedOn } = model.info;
  return {
    ...model,
    info: { ...model.info, trainedOn: { ...trainedOn, frauds: frauds ?? trainedOn.frauds } },
  };
}

let azurite: Azurite;
let app: RunningApp;
let folder: string;
let clock: number;
let issuer: Issuer;
let authorization: string;

function setClock(at: number): void {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(at);
  writeSync(clock, bytes, 0, 8, 0);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-live-'));
  clock = openSync(path.join(folder, 'clock'), 'w+');
  setClock(made.at[first]! - day);
  // a token of the simulated time, for all of it
  issuer = await startIssuer({ port: 0, lifetimeSeconds: 100 * 86_400, background: true });
  vi.useFakeTimers({ toFake: ['Date'], now: made.at[first]! - day });
  authorization = `Bearer ${await issuer.token({ client: 'ProductAdmin' })}`;
  vi.useRealTimers();
  azurite = await startAzurite();
  const storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: [referenceContainer] });
  const place = (code: string) => ({ country: { iso_code: code } });
  await storage.blobs(referenceContainer).write(
    'city.mmdb',
    writeMmdb(
      [
        ['198.51.100.0/24', place('US')],
        ['203.0.113.0/24', place('MX')],
      ],
      4,
    ),
  );
  await storage
    .blobs(referenceContainer)
    .write('bins.csv', 'bin,issuer,countryCode\n411111,One,US\n422222,Two,MX\n');
  app = await startApp({
    storage: azurite.connectionString,
    settings: {
      ...issuer.settings,
      HOLDFAST_DEFAULT_ENVIRONMENT: 'live',
      HOLDFAST_GEO_CITY: 'city.mmdb',
      HOLDFAST_BIN_DATA: 'bins.csv',
      NODE_OPTIONS: '--import ./test/simulatedClock.mjs',
      CLOCK_FILE: path.join(folder, 'clock'),
    },
  });
  expect((await manage('PUT', '', { name: 'Live' })).status).toBeLessThan(300);
  // two of them tell as much as all
  const velocities = scorecardVelocities.slice(3, 5).map(({ select }) => select);
  expect((await manage('DELETE', '/rules/Default%20Support%20Rule')).status).toBe(204);
  expect((await manage('PUT', '/velocitySets/Scorecard', { velocities })).status).toBeLessThan(300);
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await issuer?.stop();
  await azurite?.stop();
  closeSync(clock);
  await rm(folder, { recursive: true, force: true });
});

function manage(method: string, rest: string, body?: unknown): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/live${rest}`, body, { authorization });
}

/** As a client does: what is not answered because storage is busy is sent again. */
async function send(type: string, id: string, body: object, tries = 20): Promise<Answer> {
  const answer = await call(app.baseUrl, 'POST', `/v1.0/MerchantServices/events/${type}`, body, {
    'x-ms-correlation-id': `correlation-${id}`,
    authorization,
  });
  if (answer.status === 503 && tries > 1) return send(type, id, body, tries - 1);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer;
}

/** What became known of the purchases sent, and when. */
interface Finding {
  at: number;
  type: 'Chargeback' | 'Label';
  id: string;
  body: object;
}

/** Chargebacks come hours after a fraud, some are reversed later; some customers' accounts are found to be compromised. */
function findingsOf(rows: readonly number[]): Finding[] {
  return rows
    .filter((row) => made.fraud[row] === 1)
    .flatMap((row, n): Finding[] => {
      const at = made.at[row]! + delay;
      const bankEventTimestamp = new Date(at).toISOString();
      const chargeback = { purchaseId: `purchase-${row}`, bankEventTimestamp };
      const found: Finding[] = [
        {
          at,
          type: 'Chargeback',
          id: `c-${row}`,
          body: { ...chargeback, chargebackId: `c-${row}`, status: 'Submitted' },
        },
      ];
      if (n % 5 === 1)
        found.push({
          at: at + delay,
          type: 'Chargeback',
          id: `r-${row}`,
          body: {
            ...chargeback,
            bankEventTimestamp: new Date(at + delay).toISOString(),
            chargebackId: `r-${row}`,
            status: 'Reversed',
          },
        });
      if (n % 4 === 0)
        found.push({
          at: at + 1000,
          type: 'Label',
          id: `l-${row}`,
          body: {
            _metadata: { trackingId: `l-${row}` },
            labelObjectType: 'ACCOUNT',
            labelObjectId: `customer-${made.customer[row]}`,
            labelSource: 'TEST',
            labelState: 'Fraud',
            eventTimeStamp: new Date(at + 1000).toISOString(),
            effectiveStartDate: new Date(at - 5 * day).toISOString(),
            effectiveEndDate: new Date(at + 2 * day).toISOString(),
          },
        });
      return found;
    })
    .sort((a, b) => a.at - b.at);
}

describe('live assessments', () => {
  it('give the scores that the exported events get offline', { timeout: 7_200_000 }, async () => {
    const storage = openStorage({ connectionString: azurite.connectionString });
    const store = openModelStore(storage);
    const environment = String((await manage('GET', '')).body.id);
    const at = { environment, kind: 'risk' as const };
    const models = {
      full: await trained(40, '2026-02-01T00:00:00.000Z'),
      // with so few frauds behind it half of the score is the scorecard's
      half: await trained(20, '2026-02-02T00:00:00.000Z', 60),
    };
    expect(models.full.info.trainedOn.frauds).toBeGreaterThan(100);
    const version = { full: await store.save(at, models.full), half: await store.save(at, models.half) };
    await store.promote(at, version.full, { at: 'now', by: 'a test' });

    const rows = Array.from({ length: count + spare }, (_, index) => first + index);
    const findings = findingsOf(rows);
    const sent: { id: string; riskScore: number; reasons: string }[] = [];
    const labels: Finding[] = [];
    /** The next purchases, at once where none has anything in common with another, and what became known before them. */
    const sendNext = async (most: number) => {
      const next = rows.slice(sent.length, sent.length + most);
      for (; findings[0] && findings[0].at <= made.at[next[0]!]!; labels.push(findings.shift()!)) {
        setClock(findings[0].at);
        await send(findings[0].type, findings[0].id, findings[0].body);
      }
      const named = new Set<string>();
      const batch: number[] = [];
      for (const row of next) {
        const names = thingsOf(row);
        if (names.some((name) => named.has(name))) break;
        if (findings[0] && findings[0].at <= made.at[row]!) break;
        for (const name of names) named.add(name);
        batch.push(row);
      }
      setClock(made.at[batch.at(-1)!]!);
      const answers = await Promise.all(batch.map((row) => send('Purchase', `purchase-${row}`, bodyOf(row))));
      for (const [index, { body }] of answers.entries())
        sent.push({
          id: `purchase-${batch[index]}`,
          riskScore: body.resultDetails.RiskScore,
          reasons: body.resultDetails.ReasonCodes,
        });
      return `purchase-${batch[0]}`;
    };
    const sendUntil = async (total: number) => {
      while (sent.length < total) await sendNext(Math.min(8, total - sent.length));
    };
    await sendUntil(count / 2);
    await store.promote(at, version.half, { at: 'later', by: 'a test' });
    await until('the promoted model decides', async () => {
      const shown = await manage('GET', `/events/Purchase/${await sendNext(1)}`);
      return shown.body.evidence.scoring.risk.version === version.half;
    });
    await sendUntil(count);
    expect(labels.length).toBeGreaterThan(count / 100);

    const exported = { full: new Set<string>(), half: new Set<string>() };
    const lines: string[] = [];
    const probabilities = new Map<string, number>();
    const views: Answer[] = [];
    for (let start = 0; start < sent.length; start += 8)
      views.push(
        ...(await Promise.all(
          sent.slice(start, start + 8).map(({ id }) => manage('GET', `/events/Purchase/${id}`)),
        )),
      );
    for (const { body } of views) {
      lines.push(JSON.stringify(body));
      const { risk } = body.evidence.scoring;
      expect(Object.values(version)).toContain(risk.version);
      exported[risk.version === version.full ? 'full' : 'half'].add(body.id);
      probabilities.set(body.id, risk.probability);
      // and why, as people see it: what the features add, from the average event on, is the logit
      const { decidedBy, model } = body.scores.risk;
      expect(decidedBy).toBe(risk.version === version.full ? 'model' : 'both');
      const parts: { points: number; description: string }[] = model.attributions;
      expect(parts.reduce((sum, { points }) => sum + points, model.expected)).toBeCloseTo(risk.logit, 8);
      expect(parts.filter(({ description }) => !description)).toEqual([]);
    }
    const known = views.filter(({ body }) => body.finding?.fraud);
    expect(known.length).toBeGreaterThan(0);
    expect(known.length).toBeLessThan(views.length / 2);
    for (const { type, id } of labels)
      lines.push(JSON.stringify((await manage('GET', `/events/${type}/${id}`)).body));
    writeFileSync(path.join(folder, 'events.ndjson'), lines.join('\n'));

    const compared = { full: 0, half: 0 };
    for (const kind of ['full', 'half'] as const) {
      const offline = await scoredOffline(kind, packModel(models[kind]));
      expect(offline.size).toBe(sent.length);
      for (const { id, riskScore, reasons } of sent) {
        if (!exported[kind].has(id)) continue;
        const there = offline.get(id)!;
        expect([id, there.score, there.probability, there.reasons]).toEqual([
          id,
          riskScore,
          Number(probabilities.get(id)!.toPrecision(6)),
          reasons,
        ]);
        compared[kind]++;
      }
    }
    expect(compared.full).toBeGreaterThanOrEqual(count / 2);
    expect(compared.half).toBeGreaterThan(0);
    const scores = new Set(sent.map(({ riskScore }) => riskScore));
    expect(scores.size).toBeGreaterThan(30);
    if (process.env.LIVE)
      console.log(`${compared.full + compared.half} purchases and ${labels.length} labels: the same scores`);
  });
});

async function scoredOffline(
  name: string,
  model: Uint8Array,
): Promise<Map<string, { score: number; probability: number; reasons: string }>> {
  const file = path.join(folder, `${name}.model`);
  writeFileSync(file, model);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['tools/holdfast.ts', 'model', 'score', '--model', file, '--events', path.join(folder, 'events.ndjson')],
    { cwd: path.resolve(import.meta.dirname, '..'), maxBuffer: 2 ** 30 },
  );
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return new Map(
    found.map(({ id, score, probability, reasons }) => [
      id,
      {
        score,
        probability,
        reasons: [
          ...new Set(
            reasons
              .filter(({ points }: { points: number }) => points > 0)
              .map(({ code, name: reason }: { code: string; name: string }) => `${code}-${reason}`),
          ),
        ].join(','),
      },
    ]),
  );
}

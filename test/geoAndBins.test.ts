/** Places and banks in a running app: from blobs, from a path, from the table that comes with the app. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceContainer } from '../shared/referenceFile.ts';
import { openStorage } from '../shared/storage/index.ts';
import purchase from '../tools/seed/purchase.json' with { type: 'json' };
import { seed } from '../tools/seed/seed.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { call, credentials, type RunningApp, startApp } from './holdfast.ts';
import { writeMmdb } from './mmdb.ts';

let azurite: Azurite;
let app: RunningApp;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-geo-'));
  azurite = await startAzurite();
  const storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: [referenceContainer] });
  const place = {
    country: { iso_code: 'US' },
    subdivisions: [{ iso_code: 'WA', names: { en: 'Washington' } }],
    city: { names: { en: 'Redmond' } },
    postal: { code: '98052' },
  };
  await storage.blobs(referenceContainer).write('geo/city.mmdb', writeMmdb([['2001:db8:1::/48', place]], 6));
  await storage
    .blobs(referenceContainer)
    .write('bins.csv', 'bin,issuer,countryCode\n411111,Contoso Bank,MX\n');
  const asn = path.join(folder, 'asn.mmdb');
  await writeFile(asn, writeMmdb([['2001:db8:1::/48', { autonomous_system_number: 8075 }]], 6));
  app = await startApp({
    storage: azurite.connectionString,
    settings: {
      HOLDFAST_GEO_CITY: 'geo/city.mmdb',
      HOLDFAST_GEO_ASN: asn,
      HOLDFAST_BIN_DATA: 'bins.csv',
    },
  });
  await seed({ baseUrl: app.baseUrl, headers: await credentials() });
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
  await rm(folder, { recursive: true, force: true });
});

const rule = {
  assessment: 'Purchase',
  order: 1,
  clauses: [
    {
      name: 'where',
      code: `OBSERVE Output(city = Geo.City(@"deviceContext.ipAddress"), region = Geo.RegionCode(@"deviceContext.ipAddress"),
        country = Geo.CountryRegion(@"deviceContext.ipAddress"), market = Geo.MarketCode(@"deviceContext.ipAddress"),
        asn = @"deviceAttributes.deviceAsn", other = Geo.CountryCode("8.8.8.8"),
        issuer = BIN.Lookup("4111 11").issuer, network = BIN.Lookup("411111").cardNetwork, unknown = BIN.Lookup("555555").error)`,
    },
  ],
};
const expected = {
  city: 'Redmond',
  region: 'WA',
  country: 'United States',
  market: 'NA',
  asn: '8075',
  other: 'US',
  issuer: 'Contoso Bank',
  network: 'Visa',
  unknown: 'The BIN is not known.',
};
const sample = { ...purchase, deviceContext: { ...purchase.deviceContext, ipAddress: '2001:db8:1::7' } };

describe('places and banks', () => {
  it('are known to published rules, and in the answer’s device attributes', async () => {
    const put = await call(app.baseUrl, 'PUT', '/management/v1/environments/primary/rules/Where', rule);
    expect(put.status).toBe(201);
    const answer = await call(
      app.baseUrl,
      'POST',
      '/v1.0/MerchantServices/events/Purchase',
      { ...sample, purchaseId: randomUUID() },
      { 'x-ms-correlation-id': randomUUID() },
    );
    expect(answer.status).toBe(200);
    const { resultDetails } = answer.body;
    expect(resultDetails.MerchantRuleOutput.where).toEqual(expected);
    expect(JSON.stringify(answer.body)).toContain('"DeviceCountryCode":"US"');
    expect(JSON.stringify(answer.body)).toContain('"DevicePostalCode":"98052"');
  });

  it('are known to rules that are tried', async () => {
    const { status, body } = await call(
      app.baseUrl,
      'POST',
      '/management/v1/environments/primary/rules/evaluate',
      { rules: [{ name: 'Where', clauses: rule.clauses }], payload: sample },
    );
    expect(status).toBe(200);
    expect(body.outputs.where).toEqual(expected);
  });
});

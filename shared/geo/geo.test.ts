import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MmdbValue, writeMmdb } from '../../test/mmdb.ts';
import { type GeoFiles, openGeo } from './geo.ts';
import { countryName, marketOf } from './markets.ts';

const redmond: MmdbValue = {
  country: { iso_code: 'US', names: { en: 'United States' } },
  subdivisions: [{ iso_code: 'WA', names: { en: 'Washington' } }],
  city: { names: { de: 'Redmond (de)', en: 'Redmond' } },
  postal: { code: '98052' },
};
const networks: [string, MmdbValue][] = [
  ['203.0.113.0/24', redmond],
  ['198.51.100.0/25', { country: { iso_code: 'US' }, subdivisions: [{ names: { en: 'New York' } }] }],
  ['198.51.100.128/25', { city: { names: { en: 'Nowhere' } } }],
  ['2001:db8:1::/48', { country: { iso_code: 'DE' }, city: { names: { en: 'Köln' } } }],
  ['2001:db8:2::/48', { country_code: 'CA', region: 'Ontario', city: 'Toronto', country: 'Canada' }],
];
const systems: [string, MmdbValue][] = [
  ['203.0.113.0/24', { autonomous_system_number: 8075, autonomous_system_organization: 'MICROSOFT' }],
  ['2001:db8:1::/48', { asn: 'AS64496', as_name: 'Example' }],
];

let folder: string;
const noBlobs = { read: async () => undefined, readIfChanged: async () => 'missing' as const };

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-geo-'));
  await writeFile(path.join(folder, 'city.mmdb'), writeMmdb(networks, 6));
  await writeFile(path.join(folder, 'asn.mmdb'), writeMmdb(systems, 6));
  await writeFile(path.join(folder, 'v4.mmdb'), writeMmdb(networks.slice(0, 3), 4));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function geoOf(files: GeoFiles = {}) {
  const warnings: string[] = [];
  let now = 0;
  const geo = openGeo(files, { blobs: noBlobs, clock: () => now, warn: (message) => warnings.push(message) });
  await geo.ready();
  return { geo, warnings, wait: (ms: number) => (now += ms) };
}
const withFiles = () => geoOf({ city: path.join(folder, 'city.mmdb'), asn: path.join(folder, 'asn.mmdb') });

describe('with the operator’s files', () => {
  it('an IPv4 address has its place, market and network', async () => {
    const { geo } = await withFiles();
    expect(geo.lookup('203.0.113.24')).toEqual({
      countryCode: 'US',
      countryRegion: 'United States',
      regionCode: 'WA',
      region: 'Washington',
      city: 'Redmond',
      postalCode: '98052',
      marketCode: 'NA',
      asn: '8075',
      asnOrganization: 'MICROSOFT',
    });
  });

  it('an IPv6 address too, also in the flat layout', async () => {
    const { geo } = await withFiles();
    expect(geo.lookup('2001:DB8:1::5')).toEqual({
      countryCode: 'DE',
      countryRegion: 'Germany',
      city: 'Köln',
      marketCode: 'EMEA',
      asn: '64496',
      asnOrganization: 'Example',
    });
    expect(geo.lookup('[2001:db8:2:0:0:0:0:1]')).toMatchObject({
      countryCode: 'CA',
      region: 'Ontario',
      city: 'Toronto',
    });
  });

  it('an IPv4 address in IPv6 clothes is the IPv4 address', async () => {
    const { geo } = await withFiles();
    expect(geo.lookup('::ffff:203.0.113.24')).toEqual(geo.lookup('203.0.113.24'));
    expect(geo.lookup('::ffff:cb00:7118')).toEqual(geo.lookup('203.0.113.24'));
  });

  it('a state that is named without its code gets its code', async () => {
    const { geo } = await withFiles();
    expect(geo.lookup('198.51.100.1')).toMatchObject({ region: 'New York', regionCode: 'NY' });
  });

  it('that know IPv4 only, nothing is said of IPv6', async () => {
    const { geo } = await geoOf({ city: path.join(folder, 'v4.mmdb') });
    expect(geo.lookup('203.0.113.24')?.city).toBe('Redmond');
    expect(geo.lookup('2001:db8:1::5')).toBeUndefined();
  });

  it('an address that the files do not know still has its country', async () => {
    const { geo } = await withFiles();
    expect(geo.lookup('8.8.8.8')).toEqual({
      countryCode: 'US',
      countryRegion: 'United States',
      marketCode: 'NA',
    });
  });

  it('a changed file is in force after five minutes', async () => {
    const file = path.join(folder, 'changing.mmdb');
    await writeFile(file, writeMmdb(networks, 6));
    const { geo, wait } = await geoOf({ city: file });
    await writeFile(file, writeMmdb([['203.0.113.0/24', { country: { iso_code: 'BR' } }]], 6));
    await utimes(file, 1, 1);
    wait(6 * 60_000);
    await geo.ready();
    await expect.poll(() => geo.lookup('203.0.113.24')?.countryCode).toBe('BR');
  });

  it('a file that is no database is a warning, and the country table serves', async () => {
    const file = path.join(folder, 'broken.mmdb');
    await writeFile(file, 'no database');
    const { geo, warnings } = await geoOf({ city: file, asn: path.join(folder, 'absent.mmdb') });
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toContain('broken.mmdb cannot be used');
    expect(warnings.join()).toContain('absent.mmdb cannot be used: it is not there');
    expect(geo.lookup('8.8.8.8')?.countryCode).toBe('US');
  });
});

describe('without files', () => {
  it.each([
    ['8.8.8.8', 'US', 'United States', 'NA'],
    ['133.11.0.1', 'JP', 'Japan', 'APAC'],
    ['141.20.1.1', 'DE', 'Germany', 'EMEA'],
    ['200.147.3.157', 'BR', 'Brazil', 'LATAM'],
    ['::ffff:8.8.8.8', 'US', 'United States', 'NA'],
    ['64:ff9b::808:808', 'US', 'United States', 'NA'],
    ['2002:808:808::1', 'US', 'United States', 'NA'],
  ])('%s is in %s', async (ip, countryCode, countryRegion, marketCode) => {
    const { geo } = await geoOf();
    expect(geo.lookup(ip)).toEqual({ countryCode, countryRegion, marketCode });
  });

  it.each([
    '10.0.0.1',
    '127.0.0.1',
    '192.168.1.1',
    '::1',
    '2606:4700::1',
    '',
    'no address',
    '1.2.3',
    '999.1.1.1',
    '1.2.3.4:80',
  ])('nothing is known of %j', async (ip) => {
    const { geo } = await geoOf();
    expect(geo.lookup(ip)).toBeUndefined();
  });
});

it('every country has one of four markets', () => {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const all = letters.flatMap((first) => letters.map((second) => first + second));
  // what ICU names beside countries: Antarctica and Bouvet, unions, the world, and former or private codes
  const others =
    'UK AC AN AQ BU BV CP CQ CS DD DG EA EU EZ FX HM IC NT QO SU TA TF TP UN XA XB YD YU ZR ZZ NH RH VD HV DY';
  const countries = all.filter(
    (code) => countryName(code) !== undefined && !others.split(' ').includes(code),
  );
  expect(countries.length).toBeGreaterThan(240);
  expect(countries.filter((code) => marketOf(code) === undefined)).toEqual([]);
});

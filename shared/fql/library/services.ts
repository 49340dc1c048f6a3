import { RE2JS } from 're2js';
import { field, put } from '../runtime/json.ts';
import type { BinAnswer, GeoAnswer, Json, JsonObject, RunInput } from '../types.ts';
import { constant, fn, type Member, property } from './member.ts';

const geo = (name: string, key: keyof GeoAnswer, what: string, value: string): Member =>
  fn(
    'Geo',
    name,
    [['ip', 'String']],
    'String',
    (input: RunInput, ip: string) => (ip === '' ? '' : (input.geo?.(ip)?.[key] ?? '')),
    `${what} of an IP address (IPv4 or IPv6); "" where it is not known.`,
    [`Geo.${name}(@"device.ipAddress")`, value],
    { input: true, lift: 'map' },
  );

const unknownBin: BinAnswer = { error: 'BIN not found' };

const bin = (name: keyof BinAnswer, what: string, value: string): Member =>
  property('Bin', name, 'String', (b: BinAnswer) => b[name] ?? '', `${what}; "" where it is not known.`, [
    `BIN.Lookup(@"card.bin").${name}`,
    value,
  ]);

const noAttributes: JsonObject = {};

function selected(input: RunInput, session: string, ...names: string[]): Json {
  const all = input.device?.fullAttributes(session) ?? noAttributes;
  const chosen: Record<string, Json> = {};
  for (const name of names.flatMap((n) => n.split(',')).map((n) => n.trim())) {
    if (name !== '') put(chosen, name, field(all, name, name.toLowerCase()));
  }
  return chosen;
}

/** Compiled patterns, the most recently compiled ones. They are pure functions of their text. */
const compiled = new Map<string, RE2JS>();
const kept = 2000;

function regex(pattern: string): RE2JS {
  let found = compiled.get(pattern);
  if (found === undefined) {
    if (compiled.size >= kept) compiled.delete(compiled.keys().next().value ?? '');
    found = RE2JS.compile(pattern);
    compiled.set(pattern, found);
  }
  return found;
}

function checkPattern(values: readonly unknown[]): string | undefined {
  const pattern = String(values[0]);
  if (/(?:^|[^\\])(?:\\\\)*\[(?:[^\]\\]|\\.)*-\[/s.test(pattern))
    return 'A class without another, as in [a-z-[aeiou]], is not supported: list the characters that are left.';
  try {
    regex(pattern);
    return undefined;
  } catch (e) {
    if (/\(\?<?[=!]/.test(pattern))
      return 'Look-around is not supported: matching must be linear in the length of the text.';
    if (/(?:^|[^\\])(?:\\\\)*\\(?:[1-9]|k[<{'])/.test(pattern))
      return 'Back-references are not supported: matching must be linear in the length of the text.';
    return `This pattern cannot be read: ${e instanceof Error ? e.message : 'unknown fault'}.`;
  }
}

const session = [['sessionId', 'String']] as const;

export const services: readonly Member[] = [
  geo('RegionCode', 'regionCode', 'The code of the state or region', 'WA'),
  geo('Region', 'region', 'The name of the state or region', 'Washington'),
  geo('CountryCode', 'countryCode', 'The two-letter code of the country', 'US'),
  geo('CountryRegion', 'countryRegion', 'The name of the country', 'United States'),
  geo('City', 'city', 'The name of the city', 'Redmond'),
  geo('MarketCode', 'marketCode', 'The market (NA, EMEA, APAC, LATAM …)', 'NA'),
  fn(
    'BIN',
    'Lookup',
    [['bin', 'Text']],
    'Bin',
    (input: RunInput, text: string) => input.bin?.(text) ?? unknownBin,
    'What is known about a bank identification number: the first six to eight digits of a card.',
    ['BIN.Lookup(@"card.bin").cardNetwork', 'Visa'],
    { input: true, lift: 'map' },
  ),
  bin('cardNetwork', 'The card network', 'Visa'),
  bin('cardType', 'Debit, Credit …', 'Credit'),
  bin('issuer', 'The bank that issued the card', 'Contoso Bank'),
  bin('countryCode', 'The two-letter code of the country of the card', 'US'),
  bin('cardCategory', 'Prepaid, Corporate, Rewards …', 'Rewards'),
  bin('error', 'What went wrong; "" when the BIN was found', ''),
  fn(
    'Device',
    'GetFullAttributes',
    session,
    'Json',
    (input: RunInput, s: string) => input.device?.fullAttributes(s) ?? noAttributes,
    'Every attribute of a device fingerprinting session; {} for an unknown one.',
    ['Device.GetFullAttributes(@"deviceFingerprinting.id").platform.AsString()', 'Windows'],
    { input: true },
  ),
  fn(
    'Device',
    'GetAttributes',
    session,
    'Json',
    (input: RunInput, s: string) => input.device?.attributes(s) ?? noAttributes,
    'The most used attributes of a session; {} for an unknown one.',
    ['Device.GetAttributes(@"deviceFingerprinting.id").deviceCountryCode.AsString()', 'US'],
    { input: true },
  ),
  {
    ...fn(
      'Device',
      'GetSelectedAttributes',
      [
        ['sessionId', 'String'],
        ['attribute', 'String'],
      ],
      'Json',
      selected,
      'Up to 20 attributes of a session by name; null for those it lacks.',
      [
        'Device.GetSelectedAttributes(@"deviceFingerprinting.id", "deviceAsn", "deviceCountryCode")',
        { deviceAsn: '8075', deviceCountryCode: 'US' },
      ],
      { input: true },
    ),
    rest: 20,
  },
  fn(
    'Device',
    'GetSpeedOfTravel',
    session,
    'Double',
    (input: RunInput, s: string) => input.device?.speedOfTravel(s) ?? 0,
    'The highest speed of the device over its last five sessions, miles per hour.',
    ['Device.GetSpeedOfTravel(@"deviceFingerprinting.id")', 12.5],
    { input: true },
  ),
  fn(
    'Patterns',
    'IsRegexMatch',
    [
      ['pattern', 'String', 'constant'],
      ['text', 'String'],
    ],
    'Boolean',
    (pattern: string, text: string) => regex(pattern).matcher(text).find(),
    'Whether a regular expression (RE2) matches anywhere in the text; linear in its length.',
    ['Patterns.IsRegexMatch("^.*com$", @"user.email")', true],
    { lift: 'any', checkConstants: checkPattern },
  ),
  constant(
    'Request',
    'CorrelationId',
    'String',
    (input: RunInput) => input.correlationId ?? '',
    'The correlation id of the event.',
    ['Request.CorrelationId()', '0f1e2d3c-0000-4000-8000-000000000001'],
    { input: true },
  ),
  constant(
    'Response',
    'Decision',
    'String',
    (input: RunInput) => input.decision ?? '',
    'The decision, in post-decision actions; == and != ignore case.',
    ['Response.Decision() == "approve"', true],
    { input: true },
  ),
].map((m) => (m.owner === 'Request' || m.owner === 'Response' ? { ...m, kind: 'method' as const } : m));

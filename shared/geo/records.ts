import { stateCode } from './states.ts';

/** Where an address is. */
export interface Spot {
  countryCode?: string;
  /** the code of the state or region, without the country's: `WA` */
  regionCode?: string;
  region?: string;
  city?: string;
  postalCode?: string;
}

/** Whose network an address is in. */
export interface Network {
  /** number of the autonomous system */
  asn?: string;
  asnOrganization?: string;
}

/**
 * A record of a city or country file, as MaxMind (GeoIP2, GeoLite2), DB-IP and IP2Location lay them out (`country.iso_code`,
 * `subdivisions[0].names.en` …), or flat as IPinfo does (`country_code` or `country`, `region`, `city`). Where a file names the states of the
 * US without their codes, the codes are added.
 */
export function spotOf(record: unknown): Spot {
  const country =
    textAt(record, 'country', 'iso_code') ??
    textAt(record, 'registered_country', 'iso_code') ??
    textAt(record, 'country_code') ??
    textAt(record, 'country');
  const countryCode = country?.toUpperCase();
  const region = textAt(record, 'subdivisions', 0, 'names', 'en') ?? textAt(record, 'region');
  const given = textAt(record, 'subdivisions', 0, 'iso_code') ?? textAt(record, 'region_code');
  const inUs = countryCode === 'US' && region !== undefined;
  return known({
    countryCode: countryCode !== undefined && /^[A-Z]{2}$/.test(countryCode) ? countryCode : undefined,
    regionCode: given ?? (inUs ? stateCode(region) : undefined),
    region,
    city: textAt(record, 'city', 'names', 'en') ?? textAt(record, 'city'),
    postalCode: textAt(record, 'postal', 'code') ?? textAt(record, 'postal_code'),
  });
}

/** A record of a file with autonomous systems: MaxMind's layout, or IPinfo's (`asn: "AS8075"`, `as_name`). */
export function networkOf(record: unknown): Network {
  const number = textAt(record, 'autonomous_system_number') ?? textAt(record, 'asn');
  return known({
    asn: number?.replace(/^AS/i, ''),
    asnOrganization: textAt(record, 'autonomous_system_organization') ?? textAt(record, 'as_name'),
  });
}

/** The text or number at a path. */
function textAt(record: unknown, ...path: (string | number)[]): string | undefined {
  let value = record;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, name)?.value;
  }
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function known<T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const kept: { [Name in keyof T]?: Exclude<T[Name], undefined> } = {};
  for (const name in members) {
    const value = members[name];
    if (isKnown(value)) kept[name] = value;
  }
  return kept;
}

function isKnown<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}

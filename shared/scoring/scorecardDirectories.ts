import { disposableEmailBlocklistSet } from 'disposable-email-domains-js';
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { Directories } from './scorecardFacts.ts';
import { freeMailDomains } from './scorecardFreeMail.ts';

const disposable: ReadonlySet<string> = disposableEmailBlocklistSet();

/** The domain, or one it lies under: `a.b.example.com` is looked up as itself, `b.example.com`, `example.com`. */
function listed(domains: ReadonlySet<string>, domain: string): boolean {
  const labels = domain.split('.');
  return labels.some((_, index) => domains.has(labels.slice(index).join('.')));
}

function homeOf(country: string | undefined): CountryCode | undefined {
  return country !== undefined && isSupportedCountry(country) ? country : undefined;
}

/** Mail domains and telephone numbering plans, from npm packages that need no network. */
export const directories: Directories = {
  isFreeMail: (domain) => listed(freeMailDomains, domain),
  isDisposableMail: (domain) => listed(disposable, domain),
  phoneCountry(number, home) {
    const parsed = parsePhoneNumberFromString(number, homeOf(home));
    return parsed?.isValid() ? (parsed.country ?? '') : undefined;
  },
};

import { readInstant } from '../events/instant.ts';
import type { ScoringContext } from './index.ts';
import { at, instruments, least, most, numberAt, primary, textAt } from './scorecardReads.ts';

export * from './scorecardOrder.ts';

/** What the mail and telephone libraries tell; given from outside, because they load late. */
export interface Directories {
  isFreeMail(domain: string): boolean;
  isDisposableMail(domain: string): boolean;
  /** the country a telephone number belongs to where it is a valid one, `''` where that is not known; else undefined */
  phoneCountry(number: string, home: string | undefined): string | undefined;
}

export interface Facts {
  event: { readonly [name: string]: unknown };
  context: ScoringContext;
  directories: Directories;
  /** velocity values by lower-case name */
  velocities: ReadonlyMap<string, number>;
  /** the telephone number's country, looked up once: see `Directories` */
  phoneCountry: string | undefined;
}

/** What the measures read, with what several of them need worked out once. */
export function factsOf(event: Facts['event'], context: ScoringContext, directories: Directories): Facts {
  const velocities = new Map(
    Object.entries(context.velocities ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const facts: Facts = { event, context, directories, velocities, phoneCountry: undefined };
  const number = phone(facts);
  if (number === undefined) return facts;
  return { ...facts, phoneCountry: directories.phoneCountry(number.slice(0, 40), homeCountry(facts)) };
}

/** A measurement of one purchase; `undefined` where the purchase does not tell. */
export type Measure = (facts: Facts) => number | undefined;

const day = 86_400_000;

// ── amounts ──

/**
 * How many units of a currency make about one US dollar: orders of magnitude only (mid 2020s), so that 10,000 yen are not
 * read as 10,000 dollars. Currencies that are not here count one to one.
 */
const unitsPerDollar: Readonly<Record<string, number>> = {
  JPY: 150,
  CNY: 7,
  INR: 85,
  KRW: 1400,
  BRL: 5.5,
  MXN: 18,
  CLP: 950,
  COP: 4100,
  ARS: 1000,
  PHP: 57,
  THB: 35,
  TWD: 32,
  HKD: 8,
  IDR: 16_000,
  VND: 25_000,
  RUB: 90,
  UAH: 41,
  TRY: 34,
  ZAR: 18,
  NGN: 1600,
  EGP: 49,
  KES: 130,
  PKR: 280,
  SEK: 10.5,
  NOK: 11,
  DKK: 7,
  CZK: 23,
  HUF: 370,
  PLN: 4,
  RON: 4.6,
  ISK: 138,
  ILS: 3.7,
  AED: 3.7,
  SAR: 3.8,
};

export const amountInDollars: Measure = (facts) => {
  const parts = instruments(facts).map((instrument) => numberAt(instrument, 'purchaseAmount'));
  const paid = parts.reduce<number | undefined>(
    (sum, part) => (part === undefined ? sum : (sum ?? 0) + part),
    undefined,
  );
  const amount = numberAt(facts.event, 'totalAmount') ?? paid;
  if (amount === undefined) return undefined;
  const currency = textAt(facts.event, 'currency')?.toUpperCase() ?? 'USD';
  return (
    Math.max(0, amount) / (Object.hasOwn(unitsPerDollar, currency) ? (unitsPerDollar[currency] ?? 1) : 1)
  );
};

// ── ages, in days; what lies in the future counts as now ──

function ageInDays(facts: Facts, value: unknown): number | undefined {
  const instant = readInstant(value);
  return instant === undefined ? undefined : Math.max(0, facts.context.now - instant) / day;
}

export const accountAge: Measure = (facts) => ageInDays(facts, at(facts.event, 'user', 'creationDate'));

export const instrumentAge: Measure = (facts) =>
  least(instruments(facts).map((instrument) => ageInDays(facts, at(instrument, 'creationDate'))));

/** Only of accounts older than a week: a new account is new in any case. */
export const daysSinceProfileChange: Measure = (facts) => {
  const age = accountAge(facts);
  if (age === undefined || age < 7) return undefined;
  return ageInDays(facts, at(facts.event, 'user', 'updateDate'));
};

export const isFirstPurchaseKnown: Measure = (facts) =>
  ageInDays(facts, at(facts.event, 'user', 'firstPurchaseDate'));

// ── places ──

type Place = { country: string | undefined; zip: string | undefined };

const country = (value: unknown): string | undefined =>
  (textAt(value, 'country') ?? textAt(value, 'countryRegion'))?.toUpperCase();
const zip = (value: unknown): string | undefined =>
  textAt(value, 'zipCode')?.toUpperCase().replaceAll(/[\s-]/g, '');
const place = (value: unknown): Place => ({ country: country(value), zip: zip(value) });

const billing = (facts: Facts): Place =>
  instruments(facts)
    .map((instrument) => place(at(instrument, 'billingAddress')))
    .find((found) => found.country !== undefined || found.zip !== undefined) ?? {
    country: undefined,
    zip: undefined,
  };
const shipping = (facts: Facts): Place => place(at(facts.event, 'shippingAddress'));

const homeCountry = (facts: Facts) => billing(facts).country ?? country(at(facts.event, 'user'));

/** Whether two countries differ; not known where one is a code and the other a name in words. */
function differ(one: string | undefined, other: string | undefined): number | undefined {
  if (one === undefined || other === undefined || (one.length === 2) !== (other.length === 2))
    return undefined;
  return Number(one !== other);
}

export const shippingAbroad: Measure = (facts) => differ(shipping(facts).country, billing(facts).country);
export const userAbroad: Measure = (facts) =>
  differ(country(at(facts.event, 'user')), billing(facts).country ?? shipping(facts).country);
export const ipAbroad: Measure = (facts) =>
  differ(facts.context.ipCountry?.toUpperCase(), homeCountry(facts));

export const cardAbroad: Measure = (facts) =>
  most(
    instruments(facts).map((instrument) =>
      differ(
        (textAt(instrument, 'binCountryISO') ?? facts.context.binCountry)?.toUpperCase(),
        country(at(instrument, 'billingAddress')) ?? country(at(facts.event, 'user')),
      ),
    ),
  );

/** Only within one country: across countries the countries say it. */
export const otherZip: Measure = (facts) => {
  const [from, to] = [billing(facts), shipping(facts)];
  if (from.zip === undefined || to.zip === undefined || differ(from.country, to.country) === 1)
    return undefined;
  return Number(from.zip.slice(0, 5) !== to.zip.slice(0, 5));
};

export const departureDistance: Measure = (facts) =>
  numberAt(facts.event, 'travelOverview', 'departureDistanceFromBillingAddress') ??
  numberAt(facts.event, 'departureDistanceFromBillingAddress');

// ── names: only whether those given in one purchase agree with each other, never what they are ──

function parts(...names: (string | undefined)[]): Set<string> {
  const text = names.filter((name) => name !== undefined).join(' ');
  return new Set(
    text
      .normalize('NFD')
      .replaceAll(/\p{M}/gu, '')
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [],
  );
}

const nameOf = (value: unknown) => parts(textAt(value, 'firstName'), textAt(value, 'lastName'));

function strangers(one: Set<string>, other: Set<string>): number | undefined {
  return one.size === 0 || other.size === 0 ? undefined : Number(one.isDisjointFrom(other));
}

export const otherRecipient: Measure = (facts) =>
  strangers(nameOf(at(facts.event, 'shippingAddress')), nameOf(at(facts.event, 'user')));

export const otherHolder: Measure = (facts) =>
  most(
    instruments(facts).map((instrument) => {
      const billed = nameOf(at(instrument, 'billingAddress'));
      const holder = parts(textAt(instrument, 'holderName'));
      return strangers(holder.size > 0 ? holder : billed, nameOf(at(facts.event, 'user')));
    }),
  );

// ── mail and telephone ──

const email = (facts: Facts) =>
  (
    textAt(facts.event, 'user', 'email') ?? textAt(primary(facts, 'email', 'emailType'), 'emailValue')
  )?.toLowerCase();

function domainOf(address: string | undefined): string | undefined {
  const domain = address?.slice(address.lastIndexOf('@') + 1);
  return address?.includes('@') && domain && domain.length <= 253 ? domain : undefined;
}

/** 0 a domain of its own, 1 a free mailbox, 2 a throw-away one. */
export const mailKind: Measure = (facts) => {
  const domain = domainOf(email(facts));
  if (domain === undefined) return undefined;
  if (facts.directories.isDisposableMail(domain)) return 2;
  return Number(facts.directories.isFreeMail(domain));
};

export const digitsInMailbox: Measure = (facts) =>
  email(facts)?.slice(0, 320).split('@')[0]?.replaceAll(/\D/g, '').length;

export const mailConfirmed: Measure = (facts) =>
  at(facts.event, 'user', 'isEmailValidated') === true ||
  at(primary(facts, 'email', 'emailType'), 'isEmailValidated') === true
    ? 1
    : undefined;

export const daysSinceMailSeen: Measure = (facts) =>
  numberAt(facts.event, 'user', 'daysSinceEmailFirstSeen') ??
  numberAt(facts.event, 'daysSinceEmailFirstSeen');

export const otherPayerMail: Measure = (facts) =>
  most(
    instruments(facts).map((instrument) => {
      const payer = textAt(instrument, 'email')?.toLowerCase();
      const own = email(facts);
      return payer === undefined || own === undefined ? undefined : Number(payer !== own);
    }),
  );

const phone = (facts: Facts) =>
  textAt(facts.event, 'user', 'phoneNumber') ??
  textAt(facts.event, 'shippingAddress', 'phoneNumber') ??
  textAt(primary(facts, 'phone', 'phoneType'), 'phoneNumber');

export const phoneInvalid: Measure = (facts) =>
  phone(facts) === undefined ? undefined : Number(facts.phoneCountry === undefined);

export const phoneAbroad: Measure = (facts) => differ(facts.phoneCountry || undefined, homeCountry(facts));

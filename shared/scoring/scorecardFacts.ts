import { readInstant } from '../events/instant.ts';
import type { ScoringContext } from './index.ts';
import { at, least, most, numberAt, textAt } from './scorecardReads.ts';

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

function list(facts: Facts, name: string): readonly unknown[] {
  const found = at(facts.event, name);
  return Array.isArray(found) ? found : [];
}

const products = (facts: Facts) => list(facts, 'productList');
// account events name some of it otherwise than purchases do
const instruments = (facts: Facts) => [
  ...list(facts, 'paymentInstrumentList'),
  ...list(facts, 'paymentInstruments'),
];
const device = (facts: Facts) => at(facts.event, 'deviceContext') ?? at(facts.event, 'device');

/** The entry of a list of contacts that is marked as the primary one, else the first. */
function primary(facts: Facts, name: string, mark: string): unknown {
  const entries = list(facts, name);
  return entries.find((entry) => textAt(entry, mark)?.toLowerCase() === 'primary') ?? entries[0];
}
const word = (text: string | undefined) => text?.toLowerCase().replaceAll(/[\s_-]/g, '');
const yes = (condition: boolean | undefined) => (condition === undefined ? undefined : Number(condition));

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

// ── payment ──

export const instrumentCount: Measure = (facts) => {
  const count = instruments(facts).length;
  return count === 0 ? undefined : count;
};

/** 0 a check passed and none failed, 1 one failed. */
export const checksFailed: Measure = (facts) =>
  most(
    instruments(facts).flatMap((instrument) =>
      ['cvvVerify', 'avsVerify', 'cavVerify'].map((name) => {
        const result = textAt(instrument, name)?.toUpperCase();
        return result === 'N' ? 1 : result === 'Y' ? 0 : undefined;
      }),
    ),
  );

export const instrumentBlocked: Measure = (facts) =>
  most(
    instruments(facts).map((instrument) => {
      const state = word(textAt(instrument, 'state'));
      return state === undefined ? undefined : Number(/^(block|expire)/.test(state));
    }),
  );

export const prepaidCard: Measure = (facts) =>
  most(
    instruments(facts).map((instrument) => {
      const kind = word(textAt(instrument, 'binCardType') ?? textAt(instrument, 'type'));
      return kind === undefined ? undefined : Number(/prepaid|gift/.test(kind));
    }),
  );

export const payerUnverified: Measure = (facts) =>
  most(
    instruments(facts).map((instrument) => {
      const status = word(textAt(instrument, 'payerStatus'));
      return status === undefined ? undefined : Number(status !== 'verified');
    }),
  );

export const authenticated3DS: Measure = (facts) =>
  at(facts.event, 'threeDS', 'isThreeDSAuth') === true ? 1 : undefined;

// ── basket ──

const quantityOf = (product: unknown) => Math.max(0, numberAt(product, 'quantity') ?? 1);

/** Share of the pieces that are digital. */
export const digitalShare: Measure = (facts) => {
  const known = products(facts).filter((product) => textAt(product, 'type') !== undefined);
  const pieces = known.reduce<number>((sum, product) => sum + quantityOf(product), 0);
  if (!(pieces > 0) || !Number.isFinite(pieces)) return undefined;
  const digital = known.filter((product) => word(textAt(product, 'type')) === 'digital');
  return digital.reduce<number>((sum, product) => sum + quantityOf(product), 0) / pieces;
};

export const mostOfOneProduct: Measure = (facts) => most(products(facts).map(quantityOf));

const soldOnEasily = new Set([
  'giftcard',
  'gameconsumable',
  'softwaretoken',
  'jewelry',
  'ticket',
  'gameconsole',
]);

export const soldOn: Measure = (facts) =>
  most(
    products(facts).map((product) => {
      const category = word(textAt(product, 'category'));
      return category === undefined ? undefined : Number(soldOnEasily.has(category));
    }),
  );

/** A later charge of a subscription that has been paid before. */
export const repeatedCharge: Measure = (facts) => {
  const recurring =
    at(facts.event, 'isRecurringCharge') === true ||
    products(facts).some((product) => at(product, 'isRecurring') === true);
  const later =
    textAt(facts.event, 'originalOrderId') !== undefined ||
    (numberAt(facts.event, 'recurringChargeSequence') ?? 0) > 1;
  return recurring && later ? 1 : undefined;
};

export const rushedShipping: Measure = (facts) => {
  const method = word(textAt(facts.event, 'shippingMethod'));
  return method === undefined ? undefined : Number(/^(express|expedited|overnight)$/.test(method));
};

export const triedAgain: Measure = (facts) => (at(facts.event, 'isRetryOrder') === true ? 1 : undefined);

// ── customer and device ──

export const guest: Measure = (facts) => {
  const stated = at(facts.event, 'isGuestCheckout');
  if (typeof stated === 'boolean') return Number(stated);
  const isPurchase = textAt(facts.event, 'purchaseId') !== undefined;
  return isPurchase && textAt(facts.event, 'user', 'userId') === undefined ? 1 : undefined;
};

export const member: Measure = (facts) =>
  textAt(facts.event, 'user', 'membershipId') === undefined ? undefined : 1;

/** By the customer's own clock. */
export const atNight: Measure = (facts) => {
  const local = textAt(facts.event, 'customerLocalDate');
  if (readInstant(local) === undefined) return undefined;
  const hour = /^[^T ]+[T ](\d\d)/i.exec(local ?? '')?.[1];
  return hour === undefined ? undefined : Number(Number(hour) >= 1 && Number(hour) < 5);
};

export const deviceUnknown: Measure = (facts) =>
  yes(
    textAt(device(facts), 'deviceContextId') === undefined &&
      textAt(device(facts), 'externalDeviceId') === undefined,
  );

export const ipUnknown: Measure = (facts) =>
  yes(
    textAt(device(facts), 'ipAddress') === undefined &&
      textAt(facts.context.deviceAttributes, 'trueIp') === undefined,
  );

export const agentKnown: Measure = (facts) =>
  textAt(device(facts), 'httpUserAgent') === undefined &&
  textAt(facts.context.deviceAttributes, 'browserUserAgent') === undefined
    ? undefined
    : 1;

export const behindProxy: Measure = (facts) => {
  const seen = word(
    textAt(facts.context.deviceAttributes, 'proxy') ?? textAt(facts.context.deviceAttributes, 'proxyType'),
  );
  if (textAt(device(facts), 'proxyIp') !== undefined) return 1;
  return seen === undefined ? undefined : Number(!['false', 'no', 'none', '0', 'unknown'].includes(seen));
};

/** The value of a velocity, whatever the letter case of its name. */
export function velocityNamed(name: string): Measure {
  const wanted = name.toLowerCase();
  return (facts) => {
    const found = facts.velocities.get(wanted);
    return found !== undefined && Number.isFinite(found) ? Math.max(0, found) : undefined;
  };
}

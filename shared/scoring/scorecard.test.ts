import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePurchase } from '../events/purchase.ts';
import { type ScoringContext, scorecardVelocities } from './index.ts';
import { loadScorecard, pointsFor, scoreOf } from './scorecard.ts';
import { freeMailDomains } from './scorecardFreeMail.ts';
import { characteristics, reasonFamilies } from './scorecardTable.ts';

const now = Date.UTC(2025, 10, 3, 18, 22, 45);
const scorer = await loadScorecard();

const daysAgo = (days: number) => new Date(now - days * 86_400_000).toISOString();

type Body = { [name: string]: unknown };

/** The purchase of the public documentation ("Make a purchase - Existing user"), its placeholders filled in. */
function documented(): Body {
  const address = {
    firstName: 'Tami',
    lastName: 'Shorts',
    phoneNumber: '+1-1234567890',
    street1: '123 State St',
    city: 'Bothell',
    state: 'WA',
    zipCode: '98033',
    country: 'US',
  };
  const product = {
    type: 'Digital',
    market: 'US',
    salesPrice: 12,
    currency: 'USD',
    isRecurring: false,
    isFree: false,
  };
  return {
    purchaseId: 'p-1',
    assessmentType: 'Protect',
    customerLocalDate: '2025-11-03T10:22:41-08:00',
    merchantLocalDate: '2025-11-03T10:22:45-08:00',
    totalAmount: 65.1,
    salesTax: 5.1,
    currency: 'USD',
    shippingMethod: 'Standard',
    user: {
      userId: 'tami.shorts@microsoft.com',
      creationDate: daysAgo(400),
      updateDate: daysAgo(100),
      firstName: 'Tami',
      lastName: 'Shorts',
      country: 'US',
      zipCode: '98033',
      phoneNumber: '+1-1234567890',
      email: 'tami.shorts@microsoft.com',
    },
    deviceContext: { deviceContextId: 'd-1', ipAddress: '115.155.53.248', provider: 'DFPFingerPrinting' },
    shippingAddress: address,
    paymentInstrumentList: [
      {
        type: 'CreditCard',
        state: 'Active',
        creationDate: daysAgo(200),
        holderName: 'Tami Shorts',
        bin: '456978',
        billingAddress: address,
      },
    ],
    productList: [
      { productId: '1', category: 'ClothingShoes', quantity: 2, ...product },
      { productId: '2', category: 'HomeGarden', quantity: 3, ...product },
    ],
  };
}

/** The documented purchase with some members replaced, objects member by member. */
function changed(changes: Body, base: Body = documented()): Body {
  const result = { ...base };
  for (const [name, change] of Object.entries(changes)) {
    const before = result[name];
    const merges =
      typeof change === 'object' &&
      change !== null &&
      !Array.isArray(change) &&
      typeof before === 'object' &&
      before !== null &&
      !Array.isArray(before);
    result[name] = merges ? changed({ ...change }, { ...before }) : change;
  }
  return result;
}

const withInstrument = (changes: Body): Body => {
  const list = documented().paymentInstrumentList;
  return changed({ paymentInstrumentList: Array.isArray(list) ? [changed(changes, list[0])] : [] });
};

function scored(body: Body, context: Partial<ScoringContext> = {}) {
  const parsed = parsePurchase(body);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return scorer.score(parsed.event, { now, ...context });
}

describe('golden scores', () => {
  it('the documentation’s purchase scores low', () => {
    expect(scored(documented()).score).toBe(9);
  });

  it('the sample shop’s purchase, made the moment its account was, still scores low', () => {
    const url = new URL('../../test/data/wire-captures/samples-master__purchase.json', import.meta.url);
    expect(scored(JSON.parse(readFileSync(url, 'utf8')).body).score).toBe(18);
  });

  it('a purchase that says nothing scores like the base rate', () => {
    const { score } = scored({ purchaseId: 'p', merchantLocalDate: 'm' });
    expect(score).toBeGreaterThan(15);
    expect(score).toBeLessThan(60);
  });

  it('a new account with a new foreign card, a throw-away mailbox and gift cards scores very high', () => {
    const risky = changed({
      totalAmount: 1900,
      customerLocalDate: '2025-11-04T03:10:00+01:00',
      user: {
        userId: 'u',
        creationDate: daysAgo(0.01),
        email: 'qx8812734@mailinator.com',
        firstName: 'Ann',
        lastName: 'Lee',
      },
      productList: [{ productId: 'g', type: 'Digital', category: 'GiftCard', quantity: 19 }],
      paymentInstrumentList: [
        {
          type: 'CreditCard',
          creationDate: daysAgo(0),
          holderName: 'B. Kim',
          binCountryISO: 'FR',
          billingAddress: { country: 'US', zipCode: '10001' },
        },
      ],
    });
    const { score, reasons } = scored(risky, { ipCountry: 'NG' });
    expect(score).toBeGreaterThan(900);
    expect(reasons[0]).toEqual({
      code: '700',
      name: 'ACCOUNT_INFORMATION:GENERAL',
      text: 'Mail address: own domain (0), free (1), disposable (2): 2',
      points: 36,
    });
  });

  it('an old account whose card is used by many customers at once scores high by its velocities alone', () => {
    const quiet = scored(documented()).score;
    const busy = scored(documented(), {
      velocities: {
        Purchases_perPaymentInstrument: 14,
        uniqueUsers_perDevice: 9,
        uniqueUsers_perPaymentInstrument: 6,
        purchases_perEmail: 13,
      },
    });
    expect(quiet).toBeLessThan(20);
    expect(busy.score).toBeGreaterThan(300);
    expect(busy.reasons.slice(0, 4).map((reason) => reason.code)).toEqual(['200', '200', '200', '200']);
  });
});

/** For every characteristic, purchases that differ in it alone, from the safest to the riskiest. */
const ladders: Record<string, [Body, Partial<ScoringContext>?][]> = {
  amount: [5, 120, 400, 900, 2000, 90_000].map((totalAmount) => [changed({ totalAmount })]),
  accountAge: [4000, 500, 100, 40, 8, 2, 0].map((days) => [
    changed({ user: { creationDate: daysAgo(days), updateDate: null } }),
  ]),
  firstPurchase: [400, 60, 1].map((days) => [changed({ user: { firstPurchaseDate: daysAgo(days) } })]),
  profileChange: [30, 3, 0.1].map((days) => [changed({ user: { updateDate: daysAgo(days) } })]),
  instrumentAge: [500, 200, 40, 8, 2, 0].map((days) => [withInstrument({ creationDate: daysAgo(days) })]),
  shippingAbroad: ['US', 'MX'].map((country) => [changed({ shippingAddress: { country, zipCode: null } })]),
  userAbroad: ['US', 'MX'].map((country) => [changed({ user: { country } })]),
  ipAbroad: ['US', 'MX'].map((ipCountry) => [documented(), { ipCountry }]),
  cardAbroad: ['US', 'MX'].map((binCountry) => [documented(), { binCountry }]),
  otherZip: ['98033-1234', '10001'].map((zipCode) => [changed({ shippingAddress: { zipCode } })]),
  departureDistance: [10, 800, 6000].map((distance) => [
    changed({ travelOverview: { departureDistanceFromBillingAddress: distance } }),
  ]),
  otherRecipient: ['TAMI', 'Mei'].map((firstName) => [
    changed({ shippingAddress: { firstName, lastName: null } }),
  ]),
  otherHolder: ['Mrs. Tamì Q. Shorts', 'Mei Tan'].map((holderName) => [withInstrument({ holderName })]),
  mailKind: ['a@contoso.com', 'a@gmail.com', 'a@x.yopmail.com'].map((email) => [
    changed({ user: { email } }),
  ]),
  mailDigits: ['tami@contoso.com', 't1234@contoso.com', 't12345678@contoso.com'].map((email) => [
    changed({ user: { email } }),
  ]),
  mailConfirmed: [true, false].map((isEmailValidated) => [changed({ user: { isEmailValidated } })]),
  mailSeen: [900, 200, 60, 0].map((days) => [changed({ user: { daysSinceEmailFirstSeen: days } })]),
  otherPayerMail: ['Tami.Shorts@microsoft.com', 'other@contoso.com'].map((email) => [
    withInstrument({ email }),
  ]),
  phoneInvalid: ['+1-4255550142', '+1-1234567890'].map((phoneNumber) => [changed({ user: { phoneNumber } })]),
  phoneAbroad: ['+1-4255550142', '+49 30 901820'].map((phoneNumber) => [changed({ user: { phoneNumber } })]),
  instrumentCount: [1, 2, 3].map((count) => [
    changed({ paymentInstrumentList: Array(count).fill({ type: 'CreditCard' }) }),
  ]),
  checksFailed: ['Y', 'U', 'N'].map((cvvVerify) => [withInstrument({ cvvVerify })]),
  instrumentBlocked: ['Active', 'Blocked'].map((state) => [withInstrument({ state })]),
  prepaidCard: ['CREDIT', 'Prepaid'].map((binCardType) => [withInstrument({ binCardType })]),
  payerUnverified: ['Verified', 'Unverified'].map((payerStatus) => [withInstrument({ payerStatus })]),
  authenticated3DS: [true, false].map((isThreeDSAuth) => [changed({ threeDS: { isThreeDSAuth } })]),
  digitalShare: [
    ['Physical', 'Physical'],
    ['Physical', 'Digital'],
    ['Digital', 'DIGITAL'],
  ].map((types) => [changed({ productList: types.map((type) => ({ productId: 'a', type })) })]),
  quantity: [1, 6, 11, 30].map((quantity) => [changed({ productList: [{ productId: 'a', quantity }] })]),
  soldOn: ['Books', 'Gift Card'].map((category) => [
    changed({ productList: [{ productId: 'a', category }] }),
  ]),
  repeatedCharge: ['order-0', null].map((originalOrderId) => [
    changed({ isRecurringCharge: true, originalOrderId }),
  ]),
  rushedShipping: ['Standard', 'Overnight'].map((shippingMethod) => [changed({ shippingMethod })]),
  triedAgain: [false, true].map((isRetryOrder) => [changed({ isRetryOrder })]),
  guest: [false, true].map((isGuestCheckout) => [changed({ isGuestCheckout })]),
  member: ['m-1', null].map((membershipId) => [changed({ user: { membershipId } })]),
  night: ['2025-11-03T13:00:00-08:00', '2025-11-03T03:00:00-08:00'].map((customerLocalDate) => [
    changed({ customerLocalDate }),
  ]),
  deviceUnknown: ['d-1', null].map((deviceContextId) => [changed({ deviceContext: { deviceContextId } })]),
  ipUnknown: ['203.0.113.24', false].map((ipAddress) => [changed({ deviceContext: { ipAddress } })]),
  agentKnown: [[documented(), { deviceAttributes: { browserUserAgent: 'Mozilla/5.0' } }], [documented()]],
  proxy: ['false', 'true'].map((proxy) => [documented(), { deviceAttributes: { proxy } }]),
};

const ladderOfVelocity = (name: string): [Body, Partial<ScoringContext>][] =>
  [0, 2, 3, 5, 8, 20, 70, 5000, 20_000].map((value) => [documented(), { velocities: { [name]: value } }]);

const velocityOf: Record<string, string> = {
  purchasesPerEmail: 'purchases_perEmail',
  purchasesPerInstrument: 'purchases_perPaymentInstrument',
  purchasesPerIp: 'purchases_perIP',
  purchasesPerDevice: 'purchases_perDevice',
  usersPerInstrument: 'uniqueUsers_perPaymentInstrument',
  usersPerDevice: 'uniqueUsers_perDevice',
  instrumentsPerUser: 'uniquePaymentInstruments_perUser',
  spendingPerUser: 'totalSpending_perUser',
};

describe('every characteristic', () => {
  it.each(characteristics.map((one) => [one.id, one] as const))(
    '%s moves the score one way only',
    (id, characteristic) => {
      const points = characteristic.steps.map(([, worth]) => worth);
      const rising = points.every((worth, index) => index === 0 || worth >= (points[index - 1] ?? worth));
      const falling = points.every((worth, index) => index === 0 || worth <= (points[index - 1] ?? worth));
      expect(rising || falling).toBe(true);
      expect(characteristic.steps.map(([from]) => from)).toEqual(
        characteristic.steps.map(([from]) => from).toSorted((one, other) => one - other),
      );

      const ladder = ladders[id] ?? ladderOfVelocity(velocityOf[id] ?? '');
      const totals = ladder.map(([body, context]) => {
        const { reasons, score } = scored(body, context);
        return { score, points: reasons.reduce((sum, reason) => sum + reason.points, 0) };
      });
      for (const [index, { score, points: sum }] of totals.entries()) {
        const before = totals[index - 1];
        if (!before) continue;
        expect(sum).toBeGreaterThanOrEqual(before.points);
        expect(score).toBeGreaterThanOrEqual(before.score);
      }
      expect(totals.at(-1)?.points).toBeGreaterThan(totals[0]?.points ?? Number.POSITIVE_INFINITY);
    },
  );

  it('reads no velocity that is not offered for a velocity set', () => {
    expect(Object.values(velocityOf).toSorted()).toEqual(
      scorecardVelocities.map((one) => one.name).toSorted(),
    );
  });

  it('has an id of its own, and a reason code in DFP’s style', () => {
    expect(new Set(characteristics.map((one) => one.id)).size).toBe(characteristics.length);
    for (const { code, name } of Object.values(reasonFamilies))
      expect(`${code}-${name}`).toMatch(/^\d+-[A-Z_]+:[A-Z_]+$/);
  });
});

describe('account events', () => {
  const signUp = (emailValue: string, phoneNumber: string, deviceContextId?: string) =>
    scorer.score(
      {
        metadata: { signUpId: 's' },
        user: { username: 'dana', countryRegion: 'US' },
        device: { deviceContextId, ipAddress: '203.0.113.24' },
        email: [
          { emailType: 'Alternative', emailValue: 'x@contoso.com' },
          { emailType: 'Primary', emailValue },
        ],
        phone: [{ phoneNumber }],
      },
      { now },
    ).score;

  it('are scored by what they have in common with purchases', () => {
    const plain = signUp('dana@contoso.com', '+1-4255550142', 'd');
    expect(signUp('dana@mailinator.com', '+1-4255550142', 'd')).toBeGreaterThan(plain);
    expect(signUp('dana@contoso.com', '+1-1234567890', 'd')).toBeGreaterThan(plain);
    expect(signUp('dana@contoso.com', '+49 30 901820', 'd')).toBeGreaterThan(plain);
    expect(signUp('dana@contoso.com', '+1-4255550142')).toBeGreaterThan(plain);
  });

  it('are no guests’ for lack of a user id', () => {
    const { reasons } = scorer.score({ metadata: { signUpId: 's' } }, { now });
    expect(reasons.map((reason) => reason.text)).not.toContain('Bought as a guest: yes');
  });
});

describe('the score', () => {
  it('rises with the points, between 0 and 999, and is even at 999/2', () => {
    expect(scoreOf(0)).toBe(500);
    expect(scoreOf(-10_000)).toBe(0);
    expect(scoreOf(10_000)).toBe(999);
    fc.assert(
      fc.property(fc.integer({ min: -400, max: 400 }), fc.nat(200), (points, more) => {
        expect(scoreOf(points + more)).toBeGreaterThanOrEqual(scoreOf(points));
      }),
    );
  });

  it('is an integer from 0 to 999 for any purchase that is accepted, and its reasons add up', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const some = <T>(one: fc.Arbitrary<T>) =>
      fc.oneof({ weight: 4, arbitrary: one }, { weight: 1, arbitrary: value });
    const instrument = fc.record(
      {
        type: fc.constantFrom('CreditCard', 'PayPal'),
        creationDate: some(fc.constantFrom(daysAgo(3), daysAgo(-3), '+275760-09-13')),
        holderName: some(fc.string()),
        email: value,
        cvvVerify: value,
        billingAddress: some(fc.record({ country: value, zipCode: value }, { requiredKeys: [] })),
      },
      { requiredKeys: ['type'] },
    );
    const body = fc.record(
      {
        purchaseId: fc.constant('p'),
        merchantLocalDate: fc.constant('m'),
        totalAmount: some(fc.double()),
        currency: some(fc.constantFrom('JPY', '__proto__', 'constructor')),
        customerLocalDate: value,
        user: fc.record(
          {
            userId: fc.constant('u'),
            email: some(fc.emailAddress()),
            phoneNumber: some(fc.string()),
            country: value,
            creationDate: value,
          },
          { requiredKeys: ['userId'] },
        ),
        productList: fc.array(
          fc.record({ productId: fc.constant('a'), quantity: some(fc.double()), type: value }),
        ),
        paymentInstrumentList: fc.array(instrument),
        shippingAddress: some(fc.record({ country: value, firstName: value })),
        travelOverview: value,
      },
      { requiredKeys: ['purchaseId', 'merchantLocalDate'] },
    );
    fc.assert(
      fc.property(body, fc.dictionary(fc.string(), fc.double()), (json, velocities) => {
        const parsed = parsePurchase(json);
        if (!parsed.ok) return;
        const { score, reasons } = scorer.score(parsed.event, { now, velocities });
        expect(Number.isInteger(score)).toBe(true);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(999);
        expect(scoreOf(-110 + reasons.reduce((sum, reason) => sum + reason.points, 0))).toBe(score);
      }),
      { numRuns: 300 },
    );
  });

  it('does not fail on an event that is no purchase at all', () => {
    for (const event of [{}, { user: 5, productList: 'x' }, { paymentInstrumentList: [null, 7, [[]]] }]) {
      expect(scorer.score(event, { now: Number.NaN }).score).toBeGreaterThanOrEqual(0);
    }
  });

  it('gives absent data its own points', () => {
    const mail = characteristics.find((one) => one.id === 'mailKind');
    expect(mail && pointsFor(mail, undefined)).toBe(4);
    expect(mail && pointsFor(mail, Number.NaN)).toBe(4);
  });
});

it('the list of free mail providers is the package’s', () => {
  const file = createRequire(import.meta.url).resolve('freemail/data/free.txt');
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((entry) => entry.trim().toLowerCase());
  const domains = new Set(lines.filter((entry) => /^[a-z0-9.-]+\.[a-z0-9-]+$/.test(entry)));
  expect(freeMailDomains).toEqual(domains);
});

it('docs/scoring.md has every characteristic as it is', () => {
  const page = readFileSync(new URL('../../docs/scoring.md', import.meta.url), 'utf8');
  for (const { id, description, unit, steps, absent, family } of characteristics) {
    const points =
      unit === 'yes/no'
        ? `no ${steps[0]?.[1]}, yes ${steps[1]?.[1]}`
        : steps.map(([from, worth]) => `≥ ${from}: ${worth}`).join(', ');
    const { code, name } = reasonFamilies[family];
    const row = `| \`${id}\` | ${description} | ${unit} | ${points} | ${absent} | ${code}-${name.split(':')[0]} |`;
    expect(page).toContain(row);
  }
});

import { readInstant } from '../events/instant.ts';
import type { Measure } from './scorecardFacts.ts';
import { at, device, instruments, most, numberAt, products, textAt, word, yes } from './scorecardReads.ts';

/** Measures of the order, its payment and the device; those of the customer are in scorecardFacts.ts. */

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

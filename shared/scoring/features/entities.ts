import { at, numberAt, textAt } from '../scorecardReads.ts';
import type { FeatureEvent } from './event.ts';

/** What an event's history is kept by. The order is part of the feature schema. */
export const entityKinds = [
  'user',
  'device',
  'ip',
  'payment',
  'email',
  'address',
  'place',
  'product',
] as const;
export type EntityKind = (typeof entityKinds)[number];

export interface Entity {
  kind: EntityKind;
  /** as the event has it; encode it before it becomes a storage key */
  key: string;
}

/** Longest key; longer ones are no identities but garbage, and are cut so that they stay cheap. */
const maxKey = 512;

function paymentKey(payload: unknown): string | undefined {
  for (const list of ['paymentInstrumentList', 'paymentInstruments']) {
    const instrument = at(payload, list, 0);
    const id = textAt(instrument, 'merchantPaymentInstrumentId');
    if (id !== undefined) return id;
    const digits = textAt(instrument, 'lastFourDigits');
    if (digits !== undefined)
      return [
        'card',
        textAt(instrument, 'bin') ?? '',
        digits,
        textAt(instrument, 'expirationDate') ?? '',
      ].join('|');
  }
  return undefined;
}

function addressKey(payload: unknown): string | undefined {
  const address = at(payload, 'shippingAddress') ?? at(payload, 'address', 0);
  const street = textAt(address, 'street1');
  if (street === undefined) return undefined;
  const zip = textAt(address, 'zipCode') ?? textAt(address, 'city') ?? '';
  const country = textAt(address, 'country') ?? textAt(address, 'countryRegion') ?? '';
  return [street, textAt(address, 'street2') ?? '', zip, country]
    .map((part) =>
      part
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
        .trim(),
    )
    .join('|');
}

function productKey(payload: unknown): string | undefined {
  const products = at(payload, 'productList');
  if (!Array.isArray(products)) return undefined;
  let best: string | undefined;
  let bestPrice = Number.NEGATIVE_INFINITY;
  for (const product of products.slice(0, 1000)) {
    const id = textAt(product, 'productId');
    const price = numberAt(product, 'purchasePrice') ?? numberAt(product, 'salesPrice') ?? 0;
    if (id !== undefined && price > bestPrice) {
      best = id;
      bestPrice = price;
    }
  }
  return best;
}

/** Ids that clients send where they know none. */
const noIds = new Set(['unknown', '00000000-0000-0000-0000-000000000000']);

function keyOf(kind: EntityKind, event: FeatureEvent): string | undefined {
  const { payload } = event;
  const device = at(payload, 'deviceContext') ?? at(payload, 'device');
  switch (kind) {
    case 'user':
      return textAt(payload, 'user', 'userId') ?? textAt(payload, 'metadata', 'userId');
    case 'device':
      return (
        textAt(device, 'externalDeviceId') ??
        textAt(device, 'deviceId') ??
        textAt(event.deviceAttributes, 'deviceId') ??
        textAt(device, 'deviceContextId')
      );
    case 'ip':
      return textAt(device, 'ipAddress') ?? textAt(event.deviceAttributes, 'trueIp');
    case 'payment':
      return paymentKey(payload);
    case 'email':
      return (
        textAt(payload, 'user', 'email') ??
        textAt(payload, 'email', 0, 'emailValue') ??
        textAt(payload, 'email', 'emailValue')
      )?.toLowerCase();
    case 'address':
      return addressKey(payload);
    case 'place':
      return (
        textAt(payload, 'terminalId') ?? textAt(payload, 'storeId') ?? textAt(payload, 'merchantIdentifier')
      );
    case 'product':
      return productKey(payload);
  }
}

/**
 * The entities an event concerns, one a kind at most: the first payment instrument, the dearest product, the terminal before
 * the store.
 */
export function entitiesOf(event: FeatureEvent): Entity[] {
  const entities: Entity[] = [];
  for (const kind of entityKinds) {
    const key = keyOf(kind, event);
    if (key !== undefined && !noIds.has(key.toLowerCase()))
      entities.push({ kind, key: key.slice(0, maxKey) });
  }
  return entities;
}

/**
 * What an entity's history is kept under. Purchases and account events count apart: a sign-in is no purchase of amount 0. Encode it
 * before it becomes a storage key.
 */
export function historyKey(type: string, { kind, key }: Entity): string {
  return `${type === 'Purchase' ? 'purchase' : 'account'}|${kind}|${key}`;
}

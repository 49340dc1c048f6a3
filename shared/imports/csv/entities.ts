import { bankEventSchema } from '../../events/bankEvent.ts';
import { chargebackSchema } from '../../events/chargeback.ts';
import {
  addressFields,
  deviceContextFields,
  paymentInstrumentFields,
  productFields,
  threeDS,
  userFields,
} from '../../events/entities.ts';
import { labelSchema } from '../../events/label.ts';
import { purchaseSchema } from '../../events/purchase.ts';
import { purchaseStatusSchema } from '../../events/purchaseStatus.ts';
import { refundSchema } from '../../events/refund.ts';
import { updateAccountSchema } from '../../events/updateAccount.ts';

/*
 * The entities of DFP's upload of historical data ("View purchase protection schemas" of its documentation): a file each, and
 * where the attributes that are its columns stand in an event.
 */

/** Where in an event something stands: names, and numbers for places in lists. */
export type Path = readonly (string | number)[];

/** Attributes that stand together. */
interface Place {
  at: Path;
  fields: readonly string[];
  /** what the attributes' names begin with in the upload's schema, beside the field's own name */
  prefix?: string;
}

interface Entity {
  /** the type of event that its rows are, or are part of */
  type: string;
  /** what names the event that several rows of several files make together */
  joinedBy?: { attribute: string; part: 'event' | 'instrument' | 'product' | 'address' };
  places: readonly Place[];
  /** columns without which a file is none of this entity */
  needs: readonly string[];
}

const keys = (shape: object) => Object.keys(shape);
const metadata: Place = { at: ['_metadata'], fields: ['trackingId', 'merchantTimeStamp'] };
const user = { fields: ['userId', ...keys(userFields)], prefix: 'user' };
const instrument = ['type', ...keys(paymentInstrumentFields)];

/** The first place that has the attribute is taken. */
export const entities = {
  Purchases: {
    type: 'Purchase',
    joinedBy: { attribute: 'PurchaseId', part: 'event' },
    places: [
      { at: [], fields: keys(purchaseSchema.shape) },
      // the sheet calls the user's own `UserZipCode` …; without the prefix it means the address and the device
      { at: ['shippingAddress'], fields: keys(addressFields), prefix: 'shipping' },
      { at: ['deviceContext'], fields: keys(deviceContextFields) },
      { at: ['user'], ...user },
      { at: ['threeDS'], fields: keys(threeDS.shape) },
      { at: ['travelOverview'], fields: keys(purchaseSchema.shape.travelOverview.unwrap().shape) },
      // the upload's sheet has them once, beside the purchase
      { at: ['paymentInstrumentList', 0], fields: keys(paymentInstrumentFields) },
      { at: ['productList', 0], fields: ['productBrand', 'buyItAgainOrder', 'preOrderAvailabilityDate'] },
      { at: ['organizationLevel1'], fields: ['organizationId', 'name', 'countryISO'] },
      metadata,
    ],
    needs: ['purchaseid', 'merchantlocaldate'],
  },
  PaymentInstruments: {
    type: 'Purchase',
    joinedBy: { attribute: 'PurchaseId', part: 'instrument' },
    places: [
      { at: [], fields: ['purchaseId', 'purchaseAmount', ...instrument] },
      { at: ['billingAddress'], fields: keys(addressFields), prefix: 'billingaddress' },
    ],
    needs: ['purchaseid', 'merchantpaymentinstrumentid'],
  },
  Products: {
    type: 'Purchase',
    joinedBy: { attribute: 'PurchaseId', part: 'product' },
    places: [{ at: [], fields: ['purchaseId', 'productId', ...keys(productFields)] }],
    needs: ['purchaseid', 'productid'],
  },
  Chargebacks: {
    type: 'Chargeback',
    places: [{ at: [], fields: keys(chargebackSchema.shape) }, metadata],
    needs: ['chargebackid'],
  },
  Refunds: {
    type: 'Refund',
    places: [{ at: [], fields: keys(refundSchema.shape) }, metadata],
    needs: ['refundid'],
  },
  PurchaseStatus: {
    type: 'PurchaseStatus',
    places: [{ at: [], fields: keys(purchaseStatusSchema.shape) }, metadata],
    needs: ['purchaseid', 'statustype'],
  },
  BankEvents: {
    type: 'BankEvent',
    places: [
      { at: [], fields: keys(bankEventSchema.shape) },
      { at: ['threeDS'], fields: keys(threeDS.shape) },
      metadata,
    ],
    needs: ['bankeventid'],
  },
  UpdateAccount: {
    type: 'UpdateAccount',
    joinedBy: { attribute: 'UserId', part: 'event' },
    places: [
      { at: [], fields: keys(updateAccountSchema.shape), prefix: 'user' },
      { at: ['deviceContext'], fields: keys(deviceContextFields) },
      metadata,
    ],
    needs: ['userid', 'customerlocaldate'],
  },
  UpdateAddress: {
    type: 'UpdateAccount',
    joinedBy: { attribute: 'UserId', part: 'address' },
    places: [{ at: [], fields: ['userId', 'type', ...keys(addressFields)], prefix: 'address' }],
    needs: ['userid', 'street1'],
  },
  UpdatePaymentInstrument: {
    type: 'UpdateAccount',
    joinedBy: { attribute: 'UserId', part: 'instrument' },
    places: [
      { at: [], fields: ['userId', ...instrument], prefix: 'paymentinstrument' },
      { at: ['billingAddress'], fields: keys(addressFields), prefix: 'billingaddress' },
    ],
    needs: ['userid', 'merchantpaymentinstrumentid'],
  },
  Labels: {
    type: 'Label',
    places: [{ at: [], fields: keys(labelSchema.shape) }, metadata],
    needs: ['labelobjecttype', 'labelobjectid'],
  },
} as const satisfies Record<string, Entity>;

export type EntityName = keyof typeof entities;

export const entityNames = Object.keys(entities).filter((name): name is EntityName =>
  Object.hasOwn(entities, name),
);

/** The entity as the tables above have it, with what is not in all of them. */
export function entityOf(name: EntityName): Entity {
  return entities[name];
}

/** Other names of fields in the upload's schema. */
const synonyms: Readonly<Record<string, string>> = { countrycode: 'country' };

const fold = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** Where an attribute (in any letter case, with or without spaces or underscores) stands; undefined where the entity has none of it. */
export function pathOf(name: EntityName, attribute: string): Path | undefined {
  const folded = fold(attribute);
  if (folded === '') return undefined;
  const find = (wanted: string, { at, fields }: Place): Path | undefined => {
    const field = fields.find((each) => fold(each) === (synonyms[wanted] ?? wanted));
    return field === undefined ? undefined : [...at, field];
  };
  const { places } = entityOf(name);
  // `UserZipCode` is the user's, though no field is called so; `UserAgentDetails` is a field of its own
  for (const place of places) {
    const found = find(folded, place);
    if (found) return found;
  }
  for (const place of places) {
    if (place.prefix === undefined || !folded.startsWith(place.prefix)) continue;
    const found = find(folded.slice(place.prefix.length), place);
    if (found) return found;
  }
  return undefined;
}

/** What a file's name may be, without its ending: `Purchases`, `purchase-2025-01`, `PaymentInstruments (2)`. */
function namedSo(entity: EntityName, file: string): boolean {
  const stem = fold(entity).replace(/(?<!s)s$/, '');
  const given = fold(file.replace(/^.*\//, '').replace(/\..*$/, '')).replaceAll(/\d+/g, '');
  return [stem, `${stem}s`, `${stem}es`].includes(given);
}

/** The entity of a file, by its name, else by its columns: that with the most of its attributes among them. */
export function entityOfFile(file: string, columns: readonly string[]): EntityName | undefined {
  const byName = entityNames.find((name) => namedSo(name, file));
  if (byName) return byName;
  const folded = new Set(columns.map(fold));
  let best: { name: EntityName; known: number } | undefined;
  for (const name of entityNames) {
    if (!entityOf(name).needs.every((need) => folded.has(need))) continue;
    const known = columns.filter((column) => pathOf(name, column) !== undefined).length;
    if (!best || known > best.known) best = { name, known };
  }
  return best?.name;
}

import {
  addressFields,
  deviceContextFields,
  paymentInstrumentFields,
  threeDS,
  userFields,
} from '../../events/entities.ts';

/** The files of DFP's bulk upload (view-purchase-protection-schemas.md) that Holdfast imports. */
export const bulkEntities = [
  'Purchases',
  'PaymentInstruments',
  'Products',
  'PurchaseStatus',
  'BankEvents',
  'Chargebacks',
  'Refunds',
  'Labels',
] as const;
export type BulkEntity = (typeof bulkEntities)[number];

/** Where a column's value stands in the request body of the wire API. */
export type ColumnPath = readonly string[];

/** Letters and digits only, lower case: how column names are compared. */
export const plainName = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

type Paths = Map<string, ColumnPath>;

function addAll(paths: Paths, names: Iterable<string>, home: ColumnPath): void {
  for (const name of names) if (!paths.has(plainName(name))) paths.set(plainName(name), [...home, name]);
}

function rename(paths: Paths, home: ColumnPath, names: Readonly<Record<string, string>>): void {
  for (const [column, name] of Object.entries(names)) paths.set(plainName(column), [...home, name]);
}

const addressColumns = {
  Street1: 'street1',
  Street2: 'street2',
  Street3: 'street3',
  City: 'city',
  State: 'state',
  District: 'district',
  ZipCode: 'zipCode',
  CountryCode: 'country',
};

/** Columns whose cells hold JSON objects. */
export const jsonColumns: ReadonlySet<string> = new Set(
  [
    'CustomData',
    'OrganizationLevel1',
    'OrganizationLevel2',
    'OrganizationLevel3',
    'ThreeDS',
    'RecipientUser',
    'TravelOverview',
    'CloudBusiness',
  ].map(plainName),
);

function purchasePaths(): Paths {
  const paths: Paths = new Map();
  rename(paths, ['user'], {
    UserId: 'userId',
    UserCountryCode: 'country',
    IsEmailValidated: 'isEmailValidated',
  });
  for (const name of Object.keys(userFields)) rename(paths, ['user'], { [`User${name}`]: name });
  paths.set('usercountrycode', ['user', 'country']);
  for (const name of ['firstName', 'lastName', 'phoneNumber'])
    rename(paths, ['shippingAddress'], { [`Shipping${name}`]: name });
  rename(paths, ['shippingAddress'], addressColumns);
  // The purchase's own members keep their names; only those that belong elsewhere are moved.
  addAll(paths, ['currency', 'isLowLiabilityPIType'], []);
  addAll(paths, Object.keys(deviceContextFields), ['deviceContext']);
  const ofUser = [
    'membershipType',
    'authenticationMethod',
    'loginInputMethod',
    'lastPasswordUpdatedDate',
    'firstPurchaseDate',
    'loginChallengeType',
  ];
  addAll(paths, ofUser, ['user']);
  addAll(paths, Object.keys(threeDS.shape), ['threeDS']);
  addAll(paths, Object.keys(paymentInstrumentFields), ['paymentInstrumentList']);
  return paths;
}

function instrumentPaths(): Paths {
  const paths: Paths = new Map();
  const names = Object.keys(addressFields).filter((name) => /name|phone/i.test(name));
  addAll(paths, names, ['billingAddress']);
  rename(paths, ['billingAddress'], addressColumns);
  return paths;
}

const special: Partial<Record<BulkEntity, Paths>> = {
  Purchases: purchasePaths(),
  PaymentInstruments: instrumentPaths(),
};

/** Where a column of a file stands in the body; a column that no list names is a member of the body under its own name. */
export function pathOf(entity: BulkEntity, column: string): ColumnPath {
  const found = special[entity]?.get(plainName(column));
  return found ?? [column.trim().charAt(0).toLowerCase() + column.trim().slice(1)];
}

/** The column that must be there: without it a row is nothing. */
export const keyColumns: Readonly<Record<BulkEntity, string>> = {
  Purchases: 'PurchaseId',
  PaymentInstruments: 'PurchaseId',
  Products: 'PurchaseId',
  PurchaseStatus: 'PurchaseId',
  BankEvents: 'BankEventId',
  Chargebacks: 'ChargebackId',
  Refunds: 'RefundId',
  Labels: 'LabelObjectId',
};

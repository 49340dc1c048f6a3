import { describe, expect, it } from 'vitest';
import type { JoinRow } from '../read.ts';
import { type EntityName, entityNames, entityOf, entityOfFile, pathOf } from './entities.ts';
import { joinRows } from './join.ts';
import { bind, mappedFile, mappingSchema } from './mapping.ts';
import { bodyOf } from './row.ts';

const at = (entity: EntityName, attribute: string) => pathOf(entity, attribute)?.join('.');

describe('attributes of DFP’s upload', () => {
  it('stand in the event where the API has them', () => {
    expect(at('Purchases', 'PurchaseId')).toBe('purchaseId');
    expect(at('Purchases', 'UserId')).toBe('user.userId');
    expect(at('Purchases', 'UserZipCode')).toBe('user.zipCode');
    expect(at('Purchases', 'UserCountryCode')).toBe('user.country');
    expect(at('Purchases', 'IsEmailValidated')).toBe('user.isEmailValidated');
    expect(at('Purchases', 'ShippingFirstName')).toBe('shippingAddress.firstName');
    expect(at('Purchases', 'ShippingDate')).toBe('shippingDate');
    expect(at('Purchases', 'CountryCode')).toBe('shippingAddress.country');
    expect(at('Purchases', 'IPAddress')).toBe('deviceContext.ipAddress');
    expect(at('Purchases', 'UserAgentDetails')).toBe('deviceContext.userAgentDetails');
    expect(at('Purchases', 'CvvVerify')).toBe('paymentInstrumentList.0.cvvVerify');
    expect(at('Purchases', 'TransStatusReason')).toBe('threeDS.transStatusReason');
    expect(at('PaymentInstruments', 'Street1')).toBe('billingAddress.street1');
    expect(at('PaymentInstruments', 'PurchaseAmount')).toBe('purchaseAmount');
    expect(at('Products', 'COGS')).toBe('cogs');
    expect(at('UpdateAccount', 'UsercreationDate')).toBe('creationDate');
    expect(at('UpdateAccount', 'IpAddress')).toBe('deviceContext.ipAddress');
    expect(at('UpdateAddress', 'Addresstype')).toBe('type');
    expect(at('UpdatePaymentInstrument', 'PaymentInstrumentState')).toBe('state');
    expect(at('UpdatePaymentInstrument', 'BillingAddressphoneNumber')).toBe('billingAddress.phoneNumber');
    expect(at('BankEvents', 'MRN')).toBe('mrn');
    expect(at('Labels', 'TrackingId')).toBe('_metadata.trackingId');
    expect(at('Labels', 'LabelReasonCodes')).toBe('labelReasonCodes');
    expect(at('Purchases', 'NoSuchThing')).toBeUndefined();
  });

  it('are found in columns of any case, with spaces and underscores', () => {
    expect(at('Chargebacks', 'bank_event_timestamp')).toBe('bankEventTimestamp');
    expect(at('Chargebacks', 'Bank Event Timestamp')).toBe('bankEventTimestamp');
  });

  it('that join an entity with others are attributes of it', () => {
    for (const name of entityNames) {
      const { joinedBy } = entityOf(name);
      if (joinedBy) expect(pathOf(name, joinedBy.attribute), name).toBeDefined();
    }
  });
});

describe('the entity of a file', () => {
  it('is known by its name', () => {
    expect(entityOfFile('2025/purchases-2025-01.csv.gz', [])).toBe('Purchases');
    expect(entityOfFile('PaymentInstrument.tsv', [])).toBe('PaymentInstruments');
    expect(entityOfFile('Purchase Status.csv', [])).toBe('PurchaseStatus');
    expect(entityOfFile('update-addresses.csv', [])).toBe('UpdateAddress');
  });

  it('else by its columns', () => {
    expect(entityOfFile('export1.csv', ['PurchaseId', 'ProductId', 'Quantity'])).toBe('Products');
    expect(entityOfFile('export2.csv', ['ChargebackId', 'PurchaseId', 'Reason'])).toBe('Chargebacks');
    expect(entityOfFile('export3.csv', ['PurchaseId', 'MerchantLocalDate', 'UserId', 'TotalAmount'])).toBe(
      'Purchases',
    );
    expect(entityOfFile('export4.csv', ['a', 'b'])).toBeUndefined();
  });
});

describe('a mapping', () => {
  const mapping = mappingSchema.parse({
    files: [
      {
        name: 'orders*.csv',
        entity: 'Purchases',
        columns: {
          PurchaseId: 'order_no',
          Currency: { value: 'EUR' },
          'customData.channel': 'channel',
          UserCountryCode: { column: 'land', values: { Deutschland: 'DE' } },
        },
      },
    ],
  });
  const columns = ['order_no', 'TotalAmount', 'channel', 'land', 'remark'];

  it('says where values come from; other columns go by their names, and what is no attribute is told', () => {
    const bound = bind('Purchases', columns, mappedFile(mapping, 'Orders-2025.csv'));
    if (!bound.ok) throw new Error(JSON.stringify(bound.faults));
    expect(bound.unused).toEqual(['remark']);
    expect(bodyOf(bound.bindings, ['o1', '9.50', 'web', 'Deutschland', 'x'])).toEqual({
      purchaseId: 'o1',
      totalAmount: '9.50',
      currency: 'EUR',
      customData: { channel: 'web' },
      user: { country: 'DE' },
    });
    expect(bodyOf(bound.bindings, ['o1', ' ', '', 'FR', ''])).toEqual({
      purchaseId: 'o1',
      currency: 'EUR',
      user: { country: 'FR' },
    });
  });

  it('that names what is not there is refused, with the place', () => {
    const wrong = mappingSchema.parse({
      files: [{ name: '*', columns: { PurchaseId: 'nr', Colour: 'a', TotalAmount: 'TotalAmount' } }],
    });
    const bound = bind('Purchases', columns, mappedFile(wrong, 'x.csv'));
    expect(bound).toEqual({
      ok: false,
      faults: [
        { path: 'PurchaseId', message: 'the file has no column nr' },
        { path: 'Colour', message: 'is no attribute of Purchases; a path in the event needs a dot' },
      ],
    });
  });

  it('of a file without the id that joins it says so', () => {
    const bound = bind('Products', ['ProductId'], undefined);
    expect(bound).toMatchObject({ ok: false, faults: [{ path: 'PurchaseId' }] });
  });
});

describe('rows of several files', () => {
  const now = Date.UTC(2026, 0, 1);
  let line = 1;
  const row = (entity: EntityName, body: JoinRow['body']): JoinRow => ({
    entity,
    file: 0,
    line: line++,
    body,
  });
  const purchase = { purchaseId: 'p1', merchantLocalDate: '2025-06-01T10:00:00Z', user: { userId: 'u1' } };

  it('make a purchase with its instruments and products', () => {
    const [joined, ...others] = joinRows(
      [
        row('Purchases', { ...purchase, paymentInstrumentList: [{ cvvVerify: 'Y' }] }),
        row('PaymentInstruments', {
          purchaseId: 'p1',
          type: 'CreditCard',
          merchantPaymentInstrumentId: 'i1',
        }),
        row('PaymentInstruments', { purchaseId: 'p1', type: 'PayPal', merchantPaymentInstrumentId: 'i2' }),
        row('Products', { purchaseId: 'p1', productId: 'x', quantity: '2' }),
      ],
      now,
    );
    expect(others).toEqual([]);
    if (!joined?.staged.ok) throw new Error(JSON.stringify(joined));
    expect(joined.staged.event).toMatchObject({
      key: { type: 'Purchase', id: 'p1' },
      received: '2025-06-01T10:00:00.000Z',
      event: {
        paymentInstrumentList: [
          { type: 'CreditCard', merchantPaymentInstrumentId: 'i1', cvvVerify: 'Y' },
          { type: 'PayPal', merchantPaymentInstrumentId: 'i2' },
        ],
        productList: [{ productId: 'x', quantity: 2 }],
      },
    });
  });

  it('that belong to no purchase, and a purchase that is there twice, are faults', () => {
    const orphan = joinRows([row('Products', { purchaseId: 'p2', productId: 'x' })], now);
    expect(orphan[0]?.staged).toEqual({
      ok: false,
      faults: [{ path: 'purchaseId', message: 'no row of Purchases has this PurchaseId' }],
    });
    const twice = joinRows(
      [row('Purchases', purchase), row('Purchases', { ...purchase, totalAmount: '5' })],
      now,
    );
    expect(twice.map(({ staged }) => staged.ok)).toEqual([true, false]);
  });

  it('add addresses and instruments to a user’s latest update', () => {
    const joined = joinRows(
      [
        row('UpdateAccount', { userId: 'u1', merchantLocalDate: '2025-03-01' }),
        row('UpdateAccount', { userId: 'u1', merchantLocalDate: '2025-02-01' }),
        row('UpdateAddress', { userId: 'u1', type: 'Shipping', street1: '1 Road' }),
      ],
      now,
    );
    const events = joined.map(({ staged }) => (staged.ok ? staged.event.event : undefined));
    expect(events[0]).toMatchObject({ addressList: [{ type: 'Shipping', street1: '1 Road' }] });
    expect(events[1]).not.toHaveProperty('addressList');
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderFaults } from './faults.ts';
import { type Purchase, parsePurchase } from './purchase.ts';

const minimal = { purchaseId: 'p-1', merchantLocalDate: '2025-11-03T10:22:45.1234567-08:00' };

function sample(): Record<string, unknown> {
  const url = new URL('../../test/data/wire-captures/samples-master__purchase.json', import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')).body;
}

function accepted(body: unknown): Purchase {
  const parsed = parsePurchase(body);
  if (!parsed.ok) throw new Error(renderFaults(parsed.faults));
  expect(parsed.payload).toBe(parsed.event);
  return parsed.event;
}

function faults(body: unknown): { path: string; message: string }[] {
  const parsed = parsePurchase(body);
  if (parsed.ok) throw new Error('was accepted');
  return parsed.faults.map(({ path, message }) => ({ path, message }));
}

/** The same value with every member name passed through `rename`, except below `customData`. */
function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      rename(name),
      name === 'customData' ? member : renamed(member, rename),
    ]),
  );
}

describe('a purchase as the sample shop sends it', () => {
  it('is taken as it is', () => {
    expect(accepted(sample())).toEqual(sample());
  });

  it('reads the same in any letter case of its member names', () => {
    for (const rename of [
      (name: string) => name.toUpperCase(),
      (name: string) => name.toLowerCase(),
      (name: string) => name.replace(/^_?./, (first) => first.toUpperCase()),
    ]) {
      expect(accepted(renamed(sample(), rename))).toEqual(sample());
    }
  });

  it('keeps the letter case of keys in customData, also where it is spelt CustomData', () => {
    expect(accepted({ ...minimal, CustomData: { GamerScore: 10, inApp: null } }).customData).toEqual({
      GamerScore: 10,
      inApp: null,
    });
  });
});

describe('what real clients send', () => {
  it('reads amounts, counts and flags that are text', () => {
    const event = accepted({
      ...minimal,
      totalAmount: '65.1000',
      salesTax: ' 5.1e0 ',
      productList: [
        { productId: 12, quantity: '2.0000', isRecurring: 'False', isFree: 1, purchasePrice: '' },
      ],
    });
    expect(event.totalAmount).toBe(65.1);
    expect(event.salesTax).toBe(5.1);
    expect(event.productList).toEqual([{ productId: '12', quantity: 2, isRecurring: false, isFree: true }]);
  });

  it('takes ipAddress false, a numeric time zone, and nulls in _metadata for what they mean', () => {
    const event = accepted({
      ...minimal,
      user: { userId: 'u', timeZone: 0 },
      deviceContext: { deviceContextId: 'd', ipAddress: false },
      _metadata: { trackingId: null, merchantTimeStamp: null },
    });
    expect(event.user).toEqual({ userId: 'u', timeZone: '0' });
    expect(event.deviceContext).toEqual({ deviceContextId: 'd' });
    expect(event._metadata).toEqual({});
  });

  it('keeps enumeration words it does not know, and dates that are none', () => {
    const event = accepted({
      ...minimal,
      merchantLocalDate: '2018-11-127T15:22:42',
      assessmentType: 'protect',
      paymentInstrumentList: [{ type: 'Carrier Pigeon', expirationDate: '03/11/3/2026 10:22:45 AM -08:00' }],
    });
    expect(event.merchantLocalDate).toBe('2018-11-127T15:22:42');
    expect(event.assessmentType).toBe('protect');
    expect(event.paymentInstrumentList?.[0]).toEqual({
      type: 'Carrier Pigeon',
      expirationDate: '03/11/3/2026 10:22:45 AM -08:00',
    });
  });

  it('keeps members it does not know where they are', () => {
    const event = accepted({
      ...minimal,
      Loyalty: { Tier: ['Gold', null, 3] },
      user: { userId: 'u', shoeSize: 43 },
    });
    expect(event.Loyalty).toEqual({ Tier: ['Gold', null, 3] });
    expect(event.user?.shoeSize).toBe(43);
  });

  it('takes a single object for a list, and an empty list for an object', () => {
    const event = accepted({
      ...minimal,
      productList: { ProductId: 'a' },
      shippingAddress: [],
      customData: [],
    });
    expect(event.productList).toEqual([{ productId: 'a' }]);
    expect(event.shippingAddress).toEqual({});
    expect(event.customData).toEqual({});
  });

  it('takes a list of one object for the object, but not a list of two', () => {
    expect(accepted({ ...minimal, shippingAddress: [{ City: 'a' }] }).shippingAddress).toEqual({ city: 'a' });
    expect(parsePurchase({ ...minimal, shippingAddress: [{}, {}] }).ok).toBe(false);
  });

  it('leaves out known members that are null, and lists’ null elements', () => {
    expect(accepted({ ...minimal, user: null, productList: [null] })).toEqual({
      ...minimal,
      productList: [],
    });
  });

  it('prefers the exact name, then the first, where a member comes twice in different letter case', () => {
    expect(accepted({ PURCHASEID: 'a', purchaseId: 'b', PurchaseID: 'c', merchantLocalDate: 'd' })).toEqual({
      purchaseId: 'b',
      merchantLocalDate: 'd',
    });
    expect(accepted({ PURCHASEID: 'a', PurchaseID: 'c', merchantLocalDate: 'd' }).purchaseId).toBe('a');
    expect(accepted({ purchaseId: null, PurchaseID: 'c', merchantLocalDate: 'd' }).purchaseId).toBe('c');
  });
});

describe('the v0.5 envelope', () => {
  it('is unfolded into today’s shape', () => {
    const body = {
      MerchantLocalDate: '2019-03-05T10:00:00Z',
      Data: {
        PurchaseId: 'p-5',
        TotalAmount: 10,
        User: { UserId: 'u-5', UserDetails: { FirstName: 'Dana', Email: 'dana@example.com' } },
        DeviceContext: {
          DeviceContextId: 'd-5',
          IPAddress: '203.0.113.24',
          DeviceContextDetails: { Provider: 'DFPFINGERPRINTING' },
        },
        ShippingAddress: {
          FirstName: 'Dana',
          ShippingAddressDetails: { Street1: '4820 Maple Ave NE', Country: 'US' },
        },
        PaymentInstrumentList: [
          {
            PurchaseAmount: 10,
            PaymentInstrumentDetails: {
              Type: 'CREDITCARD',
              BIN: '411111',
              BillingAddress: { LastName: 'Okafor', BillingAddressDetails: { ZipCode: '98011' } },
            },
          },
        ],
        ProductList: [{ ProductId: '1', Quantity: 2, ProductDetails: { ProductName: 'Mug', COGS: 0.1 } }],
      },
    };
    expect(accepted(body)).toEqual({
      purchaseId: 'p-5',
      totalAmount: 10,
      merchantLocalDate: '2019-03-05T10:00:00Z',
      user: { userId: 'u-5', firstName: 'Dana', email: 'dana@example.com' },
      deviceContext: { deviceContextId: 'd-5', ipAddress: '203.0.113.24', provider: 'DFPFINGERPRINTING' },
      shippingAddress: { firstName: 'Dana', street1: '4820 Maple Ave NE', country: 'US' },
      paymentInstrumentList: [
        {
          purchaseAmount: 10,
          type: 'CREDITCARD',
          bin: '411111',
          billingAddress: { lastName: 'Okafor', zipCode: '98011' },
        },
      ],
      productList: [{ productId: '1', quantity: 2, productName: 'Mug', cogs: 0.1 }],
    });
  });
});

it('a purchase of today’s shape may have a member named data of its own', () => {
  const data = { purchaseId: 'other', userDetails: { x: 1 } };
  expect(accepted({ ...minimal, data })).toEqual({ ...minimal, data });
});

describe('what is refused', () => {
  it('names every missing and every wrong member at once, by path', () => {
    const found = faults({
      totalAmount: 'a lot',
      user: { email: 'x@example.com' },
      deviceContext: 'none',
      productList: [{ quantity: [] }],
      paymentInstrumentList: [{ type: 'PayPal' }, { purchaseAmount: {} }],
    });
    expect(Object.fromEntries(found.map(({ path, message }) => [path, message]))).toEqual({
      purchaseId: 'is required',
      merchantLocalDate: 'is required',
      totalAmount: 'expected a number, got the text "a lot"',
      'user.userId': 'is required',
      deviceContext: 'expected an object, got the text "none"',
      'productList[0].productId': 'is required',
      'productList[0].quantity': 'expected a number, got a list',
      'paymentInstrumentList[1].type': 'is required',
      'paymentInstrumentList[1].purchaseAmount': 'expected a number, got an object',
    });
  });

  it('says it in DFP’s words', () => {
    const parsed = parsePurchase({});
    if (parsed.ok) throw new Error('was accepted');
    expect(renderFaults(parsed.faults)).toBe(
      'Input validation failed - Required properties purchaseId, merchantLocalDate are not present at level (root)',
    );
    const nested = parsePurchase({ ...minimal, totalAmount: true, productList: [{}] });
    if (nested.ok) throw new Error('was accepted');
    expect(renderFaults(nested.faults)).toBe(
      'Input validation failed - Required properties productList[0].productId are not present at level productList[0]; totalAmount: expected a number, got true',
    );
  });

  it.each([['NaN'], ['Infinity'], ['1e999'], ['0x10'], ['1,234.50'], ['12abc'], [Number.POSITIVE_INFINITY]])(
    'does not read %s as an amount',
    (value) => {
      expect(faults({ ...minimal, totalAmount: value }).map((fault) => fault.path)).toEqual(['totalAmount']);
    },
  );

  it.each([[null], [[]], ['text'], [7], [undefined]])('refuses %j as a body', (body) => {
    expect(faults(body).map((fault) => fault.path)).toEqual(['']);
  });

  it('refuses empty and blank ids', () => {
    for (const purchaseId of ['', '   ', '\t'])
      expect(faults({ ...minimal, purchaseId })[0]?.path).toBe('purchaseId');
  });
});

describe('hostile JSON', () => {
  it('refuses what is nested too deep, naming where', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = { a: deep };
    expect(faults({ ...minimal, deep })[0]?.message).toBe('is nested deeper than 32 levels');
  });

  it('refuses texts and names without end', () => {
    const long = 'x'.repeat(40_000);
    expect(faults({ ...minimal, currency: long })[0]?.path).toBe('currency');
    expect(faults({ ...minimal, mine: long })[0]?.path).toBe('mine');
    expect(faults({ ...minimal, [long]: 1 })[0]?.message).toContain('name longer than');
    expect(faults({ ...minimal, purchaseId: 'x'.repeat(1_025) })[0]?.path).toBe('purchaseId');
  });

  it('reads a body of the greatest size in time that grows with it alone', () => {
    // each of these took from seconds to minutes with a careless expression or copy; the test's time-out is the judge
    const many = Object.fromEntries(Array.from({ length: 28_000 }, (_, index) => [`k${index}`, 1]));
    expect(accepted({ ...minimal, ...many }).k27999).toBe(1);
    expect(accepted({ MerchantLocalDate: 'd', Data: { PurchaseId: 'p', ...many } }).k27999).toBe(1);
    for (const digits of ['1'.repeat(250_000), `${'1'.repeat(250_000)}x`, `${' '.repeat(250_000)}x`]) {
      expect(faults({ ...minimal, totalAmount: digits })[0]?.path).toBe('totalAmount');
    }
    expect(faults({ ...minimal, productList: Array(80_000).fill({}) })).toEqual([
      { path: 'productList', message: 'has more than 5000 elements' },
    ]);
    expect(faults({ ...minimal, productList: Array(5_000).fill({}) })).toHaveLength(50);
  });

  it('keeps __proto__ and constructor as plain members', () => {
    const event = accepted(
      JSON.parse(
        '{"purchaseId":"p","merchantLocalDate":"d","__proto__":{"isAdmin":true},"user":{"userId":"u","__proto__":{"x":1},"constructor":{"prototype":{"y":1}}}}',
      ),
    );
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
    expect(Object.hasOwn(event, '__proto__')).toBe(true);
    expect(event.isAdmin).toBeUndefined();
    expect(Object.getPrototypeOf(event.user)).toBe(Object.prototype);
    expect(Reflect.get({}, 'isAdmin') ?? Reflect.get({}, 'x') ?? Reflect.get({}, 'y')).toBeUndefined();
    const unfolded = accepted(
      JSON.parse('{"MerchantLocalDate":"d","Data":{"PurchaseId":"p","__proto__":{"isAdmin":true}}}'),
    );
    expect(unfolded.isAdmin).toBeUndefined();
  });

  it('replaces lone surrogates, which no storage takes', () => {
    const event = accepted({ ...minimal, purchaseId: 'a\ud800b', '\udc00': '\udfff' });
    expect(event.purchaseId).toBe('a\ufffdb');
    expect(event['\ufffd']).toBe('\ufffd');
  });

  it('never throws, and what it accepts reads the same a second time', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const body = fc.record(
      {
        purchaseId: fc.oneof(fc.string({ minLength: 1 }), value),
        merchantLocalDate: fc.oneof(fc.constant('2025-11-03T10:22:45Z'), value),
        totalAmount: fc.oneof(fc.double(), fc.string(), value),
        user: fc.oneof(fc.record({ userId: fc.string(), isEmailValidated: value }), value),
        productList: fc.oneof(fc.array(fc.record({ productId: fc.string(), quantity: value })), value),
        customData: value,
        Data: value,
      },
      { requiredKeys: ['purchaseId', 'merchantLocalDate'] },
    );
    fc.assert(
      fc.property(fc.oneof(body, value), (json) => {
        const first = parsePurchase(json);
        if (!first.ok) {
          expect(first.faults.length).toBeGreaterThan(0);
          return;
        }
        // an envelope within an envelope would be unfolded once more
        if (!('Data' in first.event)) expect(accepted(first.event)).toEqual(first.event);
        expect(JSON.parse(JSON.stringify(first.event))).toEqual(first.event);
      }),
    );
  });
});

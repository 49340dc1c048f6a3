import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parsePurchase } from '../../events/purchase.ts';
import { BulkFileError, type BulkLine, delimiterOf, readBulkFile } from './file.ts';
import { bulkRows, joinPurchase } from './rows.ts';

async function read(
  text: string | Buffer[],
  entity: Parameters<typeof readBulkFile>[1],
  mapping = {},
): Promise<BulkLine[]> {
  const lines: BulkLine[] = [];
  const source = Readable.from(typeof text === 'string' ? [Buffer.from(text)] : text);
  for await (const line of readBulkFile(source, entity, mapping)) lines.push(line);
  return lines;
}
function row(entity: Parameters<typeof bulkRows>[0], cells: Record<string, string>) {
  return bulkRows(entity, Object.keys(cells))(Object.values(cells));
}

describe('bulk rows', () => {
  it('become the bodies of the wire API', () => {
    const purchase = row('Purchases', {
      PurchaseId: 'p1',
      MerchantLocalDate: '2026-01-02T03:04:05Z',
      TotalAmount: '12.50',
      Currency: 'USD',
      IPAddress: '203.0.113.7',
      UserId: 'u1',
      UserEmail: 'a@b.example',
      UserCountryCode: 'US',
      IsEmailValidated: 'True',
      ShippingFirstName: 'Ann',
      Street1: 'Main 1',
      CountryCode: 'CA',
      CvvVerify: 'N',
      IsThreeDSAuth: 'False',
      HttpUserAgent: 'Mozilla',
      CustomData: '{"a":1}',
      StoreId: '',
    });
    const instrument = row('PaymentInstruments', {
      PurchaseId: 'p1',
      Type: 'CreditCard',
      BIN: '411111',
      FirstName: 'Ann',
      ZipCode: '98011',
      CountryCode: 'US',
    });
    const product = row('Products', {
      PurchaseId: 'p1',
      ProductId: 'x',
      PurchasePrice: '12.50',
      Quantity: '1',
      IsFree: 'False',
    });
    if (!purchase.ok || !instrument.ok || !product.ok) throw new Error('a row was refused');
    const parsed = parsePurchase(joinPurchase(purchase.body, [instrument.body], [product.body]));
    expect(parsed).toMatchObject({
      ok: true,
      payload: {
        purchaseId: 'p1',
        totalAmount: 12.5,
        currency: 'USD',
        user: { userId: 'u1', email: 'a@b.example', country: 'US', isEmailValidated: true },
        deviceContext: { ipAddress: '203.0.113.7', httpUserAgent: 'Mozilla' },
        shippingAddress: { firstName: 'Ann', street1: 'Main 1', country: 'CA' },
        threeDS: { isThreeDSAuth: false },
        customData: { a: 1 },
        paymentInstrumentList: [
          {
            type: 'CreditCard',
            bin: '411111',
            cvvVerify: 'N',
            billingAddress: { firstName: 'Ann', zipCode: '98011', country: 'US' },
          },
        ],
        productList: [{ productId: 'x', purchasePrice: 12.5, quantity: 1, isFree: false }],
      },
    });
  });

  it('take a file’s own column names by a mapping', async () => {
    const lines = await read('order;who;when\n7;anna;2026-01-01T00:00:00Z\n', 'Purchases', {
      PurchaseId: 'order',
      UserId: 'who',
      MerchantLocalDate: 'when',
    });
    expect(lines).toEqual([
      {
        line: 2,
        body: { purchaseId: '7', user: { userId: 'anna' }, merchantLocalDate: '2026-01-01T00:00:00Z' },
      },
    ]);
  });

  it('keep observation events and labels flat', async () => {
    const [chargeback] = await read('ChargebackId,PurchaseId,Status\nc,p1,Accepted\n', 'Chargebacks');
    expect(chargeback).toEqual({
      line: 2,
      body: { chargebackId: 'c', purchaseId: 'p1', status: 'Accepted' },
    });
    const [label] = await read('LabelObjectType\tLabelObjectId\tLabelState\nPURCHASE\tp1\tFraud\n', 'Labels');
    expect(label).toMatchObject({ body: { labelObjectType: 'PURCHASE', labelObjectId: 'p1' } });
  });
});

describe('bulk files', () => {
  it('tell every bad row by line and column, and read on', async () => {
    const text = 'PurchaseId,CustomData\np1,{}\np2\np3,nonsense\np4,[]\n"p5, ""x""",\n';
    expect(await read(text, 'Purchases')).toEqual([
      { line: 2, body: { purchaseId: 'p1', customData: {} } },
      { line: 3, column: '', message: 'has 1 cells where the header has 2' },
      { line: 4, column: 'CustomData', message: 'is no JSON' },
      { line: 5, column: 'CustomData', message: 'is no JSON object' },
      { line: 6, body: { purchaseId: 'p5, "x"' } },
    ]);
  });

  it('are read whatever pieces they come in', async () => {
    const bytes = Buffer.from('\uFEFFPurchaseId,UserFirstName\np1,Žofie\np2,"Zoë\nB"\n');
    const pieces = Array.from(bytes, (byte) => Buffer.of(byte));
    expect(await read(pieces, 'Purchases')).toEqual(await read([bytes], 'Purchases'));
    expect(await read(pieces, 'Purchases')).toMatchObject([
      { body: { user: { firstName: 'Žofie' } } },
      { body: { user: { firstName: 'Zoë\nB' } } },
    ]);
  });

  it('that cannot be read are refused with the reason', async () => {
    await expect(read('', 'Purchases')).rejects.toThrow(BulkFileError);
    await expect(read('UserId\nu\n', 'Purchases')).rejects.toThrow(/needs a column PurchaseId/);
    await expect(read('PurchaseId,purchase_id\n1,2\n', 'Purchases')).rejects.toThrow(/stands twice/);
    await expect(read('PurchaseId\n1\n', 'Purchases', { UserId: 'who' })).rejects.toThrow(
      /column who that the file does not have/,
    );
    await expect(read('PurchaseId\n"open\n', 'Purchases')).rejects.toThrow(BulkFileError);
  });

  it('have the delimiter that their header shows', () => {
    expect([delimiterOf('a,b'), delimiterOf('a;b;"c,d,e,f"'), delimiterOf('a\tb'), delimiterOf('a')]).toEqual(
      [',', ';', '\t', ','],
    );
  });
});

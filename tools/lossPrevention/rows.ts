import { schemaFields } from '../../shared/lossPrevention/schema.ts';
import type { Sale } from './day.ts';
import type { Store } from './world.ts';

export const writtenEntities = ['Transactions', 'Sales', 'Payments'] as const;
export type WrittenEntity = (typeof writtenEntities)[number];

/** The columns that the sample files carry, by DFP's names, and the optional role. */
export const writtenColumns: Readonly<Record<WrittenEntity, readonly string[]>> = {
  Transactions: [
    'TRANSACTIONNUMBER',
    'TERMINAL',
    'OPERATINGUNITNUMBER',
    'SITEID',
    'STAFF',
    'TRANSACTIONDATE',
    'TRANSACTIONTIME',
    'TRANSACTIONSTATUS',
    'SALEISRETURNSALE',
    'NETAMOUNT',
    'RECEIPTID',
    'CUSTOMERACCOUNT',
    'CURRENCY',
    'DATAAREAID',
    'STAFFROLE',
  ],
  Sales: [
    'TRANSACTIONNUMBER',
    'TERMINAL',
    'OPERATINGUNITNUMBER',
    'LINENUMBER',
    'ITEMID',
    'CATEGORYNAME',
    'QUANTITY',
    'ORIGINALPRICE',
    'PRICE',
    'NETAMOUNT',
    'LINEMANUALDISCOUNTAMOUNT',
    'PERIODICDISCOUNTAMOUNT',
    'OFFERNUMBER',
    'REASONCODEDISCOUNT',
    'ISPRICECHANGE',
    'ISRETURNNOSALE',
    'RETURNTRANSACTIONNUMBER',
    'RETURNTERMINAL',
    'RETURNOPERATINGUNITNUMBER',
    'DATAAREAID',
  ],
  Payments: [
    'TRANSACTIONNUMBER',
    'TERMINAL',
    'OPERATINGUNITNUMBER',
    'LINENUMBER',
    'TENDERTYPE',
    'AMOUNTTENDERED',
    'MERCHANTPAYMENTINSTRUMENTID',
    'ISCHANGELINE',
    'VOIDSTATUS',
    'DATAAREAID',
  ],
};

const money = (cents: number) => (cents / 100).toFixed(2);
const tenders = { cash: '1', card: '2', gift: '3' };
export const paymentMethods = [
  ['1', 'Cash', 'Cash'],
  ['2', 'Card', 'Cards'],
  ['3', 'Credit Memo/Voucher', 'Gift card'],
];

/** The rows of one transaction, entity by entity, as text values in the order of `writtenColumns`. None needs quotes. */
export function rowsOf(
  sale: Sale,
  store: Store,
  day: string,
  roles: boolean,
): Record<WrittenEntity, string[][]> {
  const total = sale.lines.reduce((sum, line) => sum + line.net, 0);
  const time = new Date(sale.second * 1000).toISOString().slice(11, 19);
  const transaction = [
    sale.number,
    sale.terminal,
    store.id,
    store.region,
    sale.staff.id,
    `${day}T${time}.000Z`,
    String(sale.second),
    sale.voided ? '1' : '2',
    sale.isReturn ? '1' : '0',
    money(total),
    sale.number.replace('-', ''),
    sale.customer,
    store.currency,
    'demo',
    roles ? sale.staff.role : '',
  ];
  const lines = sale.lines.map((line, i) => [
    sale.number,
    sale.terminal,
    store.id,
    String(i + 1),
    line.product.id,
    line.product.category,
    String(line.quantity),
    money(line.original),
    money(line.price),
    money(line.net),
    money(line.manual),
    money(line.periodic),
    line.product.offer > 0 ? `O${line.product.offer}` : '',
    line.manual > 0 && line.reason ? '7' : '',
    line.price < line.original ? '1' : '0',
    sale.isReturn ? '1' : '0',
    sale.original?.number ?? '',
    sale.original?.terminal ?? '',
    sale.original?.store ?? '',
    'demo',
  ]);
  const payments = sale.payments.map((payment, i) => [
    sale.number,
    sale.terminal,
    store.id,
    String(i + 1),
    tenders[payment.tender],
    money(payment.amount),
    payment.card,
    '0',
    '0',
    'demo',
  ]);
  return { Transactions: [transaction], Sales: lines, Payments: payments };
}

/** A row in the order of DFP's whole schema, for files without a header; the role is not part of it. */
export function inSchemaOrder(entity: WrittenEntity, row: readonly string[]): string[] {
  const columns = writtenColumns[entity];
  return schemaFields[entity].map((field) => row[columns.indexOf(field)] ?? '');
}

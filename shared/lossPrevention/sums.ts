/**
 * The sums that everything else rests on. Each is a count or an amount of money in cents (…Value, sold, returned, gross),
 * or a sum of squares of whole currency units (…Squares), so all are integers and the order of adding them does not matter.
 * A return is a transaction with a return line; "sold" lines are the other lines of transactions that were not voided.
 */
export const sumNames = [
  /** transactions that were not voided */
  'transactions',
  'voids',
  'voidValue',
  /** voids of what was paid in cash */
  'cashVoids',
  /** transactions that only sell */
  'sales',
  'sold',
  'returns',
  'returned',
  'returnedSquares',
  /** returns without a receipt: no original transaction and no refund receipt */
  'noReceipt',
  'noReceiptValue',
  /** returns paid out in cash */
  'cash',
  'cashValue',
  /** returns of what another store sold */
  'otherStore',
  'otherStoreValue',
  /** returns within half an hour of the purchase */
  'soon',
  'soonValue',
  /** returns in the half hour before the store's last transaction of the day */
  'closing',
  'closingValue',
  /** returns of a whole multiple of five currency units */
  'round',
  'roundValue',
  /** returns paid to a payment card that is identified */
  'toCard',
  /** of these, those after the second to the same card by the same staff member in the month; of one customer or receipt all count as one */
  'sameCard',
  'sameCardValue',
  /** sold lines, and their value at the original price */
  'lines',
  'gross',
  'manual',
  'manualValue',
  'manualGross',
  'manualSquares',
  /** manual discounts of a quarter of the line or more */
  'deepManual',
  'deepManualValue',
  /** discounted sales paid with two or more cards */
  'severalCards',
  'severalCardsValue',
  'overrides',
  'overrideValue',
  'overrideSquares',
  /** price overrides by a quarter of the original price or more */
  'deepOverrides',
  'deepOverrideValue',
  /** manual line discounts without a reason */
  'noReason',
  'noReasonValue',
  /** sold lines of an offer, and those that did not get its discount */
  'offers',
  'withheld',
  'withheldValue',
  /** all discounts given */
  'discountValue',
] as const;
export type SumName = (typeof sumNames)[number];

/** Sums of lines and visits where something happened, which both products and customers are judged by. */
const eventSums = [
  'returns',
  'returned',
  'noReceipt',
  'noReceiptValue',
  'cash',
  'cashValue',
  'otherStore',
  'otherStoreValue',
  'manual',
  'manualValue',
  'deepManual',
  'deepManualValue',
  'overrides',
  'overrideValue',
] as const satisfies readonly SumName[];

/** Sums that products are judged by, of every line and of those where something happened; the others stay 0 for them. */
export const productPlain = ['transactions', 'lines', 'sold', 'gross', 'offers', 'discountValue'] as const;
export const productEvents = [
  ...eventSums,
  'deepOverrides',
  'deepOverrideValue',
  'withheld',
  'withheldValue',
] as const satisfies readonly SumName[];
export const productSums = [...productPlain, ...productEvents] as const satisfies readonly SumName[];

/** Sums that customers are judged by, of every transaction and of those where something happened. */
export const customerPlain = ['transactions', 'sales', 'sold', 'lines', 'gross', 'discountValue'] as const;
export const customerEvents = [
  ...eventSums,
  'returnedSquares',
  'soon',
  'soonValue',
  'closing',
  'closingValue',
] as const satisfies readonly SumName[];
export const customerSums = [...customerPlain, ...customerEvents] as const satisfies readonly SumName[];

export const tillDimensions = ['staff', 'terminal', 'store', 'region', 'role', 'currency'] as const;
export const customerDimensions = ['customer', 'store', 'region', 'staff', 'currency'] as const;
export const cardDimensions = ['staff', 'store', 'region', 'role', 'currency', 'card', 'buyer'] as const;

/** Where each sum stands in a row of sums. */
export const at: Readonly<Record<SumName, number>> = positions();

function positions(): Record<SumName, number> {
  const result: Partial<Record<SumName, number>> = {};
  sumNames.forEach((name, index) => {
    result[name] = index;
  });
  return result as Required<typeof result>;
}

/** A row of sums, all 0. */
export const noSums = (): Float64Array => new Float64Array(sumNames.length);

/** Adds the second row to the first. */
export function addSums(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += from[i]!;
}

/** Seconds between a purchase and its return that still count as soon. */
export const soonSeconds = 1800;
/** Seconds before the last transaction of a store's day that count as closing time. */
export const closingSeconds = 1800;
/** Transactions that a store's day must have for its last one to tell when the store closed. */
export const leastForClosing = 10;
/** Refunds to one card by one staff member in a month that are taken for granted. */
export const usualRefundsToCard = 2;
/** Share of a price from which a discount or override is deep. */
export const deepShare = 0.25;
/** Cents that a round amount is a multiple of. */
export const roundCents = 500;

import type { SumName } from './sums.ts';

/** A share of events among chances, judged by a beta-binomial. */
export interface ShareTest {
  kind: 'share';
  events: SumName;
  /** the chances; several add up */
  of: readonly SumName[];
  /** events that make a pattern, where that is not three */
  least?: number;
}

/** Money among money, judged by a normal funnel whose variance comes from the peers' sum of squares. */
export interface MoneyTest {
  kind: 'money';
  events: SumName;
  of: readonly SumName[];
  squares: SumName;
  /** how many payments or discounts made up the money */
  count: SumName;
  least?: number;
}

export interface Reason {
  id: string;
  label: string;
  /** what the value is, for people: "share of …" */
  unit: string;
  /** the first is the one shown; the others look at the same behaviour from another side */
  tests: readonly (ShareTest | MoneyTest)[];
  /** money of the events; at stake is what exceeds the peers' */
  money: SumName;
}

const share = (events: SumName, ...of: SumName[]): ShareTest => ({ kind: 'share', events, of });

/** Every reason a score may rest on. DFP's own five are returns, cash, severalCards, noReceipt and withheld. */
export const reasons: readonly Reason[] = [
  {
    id: 'returns',
    label: 'Returns',
    unit: 'of transactions',
    tests: [share('returns', 'transactions')],
    money: 'returned',
  },
  {
    id: 'returnValue',
    label: 'Value of returns',
    unit: 'of the value sold and returned',
    tests: [
      {
        kind: 'money',
        events: 'returned',
        of: ['sold', 'returned'],
        squares: 'returnedSquares',
        count: 'returns',
      },
    ],
    money: 'returned',
  },
  {
    id: 'noReceipt',
    label: 'Returns without a receipt',
    unit: 'of returns',
    tests: [share('noReceipt', 'returns'), share('noReceipt', 'transactions')],
    money: 'noReceiptValue',
  },
  {
    id: 'cash',
    label: 'Returns paid out in cash',
    unit: 'of returns',
    tests: [share('cash', 'returns'), share('cash', 'transactions')],
    money: 'cashValue',
  },
  {
    id: 'otherStore',
    label: 'Returns of what another store sold',
    unit: 'of returns',
    tests: [share('otherStore', 'returns'), share('otherStore', 'transactions')],
    money: 'otherStoreValue',
  },
  {
    id: 'soon',
    label: 'Returns soon after the purchase',
    unit: 'of returns',
    tests: [share('soon', 'returns'), share('soon', 'transactions')],
    money: 'soonValue',
  },
  {
    id: 'closing',
    label: 'Returns just before closing',
    unit: 'of returns',
    tests: [share('closing', 'returns'), share('closing', 'transactions')],
    money: 'closingValue',
  },
  {
    id: 'round',
    label: 'Returns of round amounts',
    unit: 'of returns',
    tests: [share('round', 'returns'), share('round', 'transactions')],
    money: 'roundValue',
  },
  {
    id: 'sameCard',
    label: 'Repeated refunds to one card',
    unit: 'of refunds to cards',
    // The first of these events is the third refund to a card.
    tests: [
      { ...share('sameCard', 'toCard'), least: 1 },
      { ...share('sameCard', 'transactions'), least: 1 },
    ],
    money: 'sameCardValue',
  },
  {
    id: 'manual',
    label: 'Manual discounts',
    unit: 'of sold lines',
    tests: [share('manual', 'lines')],
    money: 'manualValue',
  },
  {
    id: 'deepManual',
    label: 'Manual discounts of a quarter of the price or more',
    unit: 'of sold lines',
    tests: [share('deepManual', 'lines'), share('deepManual', 'manual')],
    money: 'deepManualValue',
  },
  {
    id: 'depth',
    label: 'Depth of manual discounts',
    unit: 'of the value discounted',
    tests: [
      {
        kind: 'money',
        events: 'manualValue',
        of: ['manualGross'],
        squares: 'manualSquares',
        count: 'manual',
      },
    ],
    money: 'manualValue',
  },
  {
    id: 'severalCards',
    label: 'Discounted purchases paid with several cards',
    unit: 'of manual discounts',
    tests: [share('severalCards', 'manual')],
    money: 'severalCardsValue',
  },
  {
    id: 'overrides',
    label: 'Price overrides',
    unit: 'of sold lines',
    tests: [share('overrides', 'lines')],
    money: 'overrideValue',
  },
  {
    id: 'deepOverrides',
    label: 'Price overrides by a quarter of the price or more',
    unit: 'of sold lines',
    tests: [share('deepOverrides', 'lines'), share('deepOverrides', 'overrides')],
    money: 'deepOverrideValue',
  },
  {
    id: 'overrideDepth',
    label: 'Money taken off by price overrides',
    unit: 'of the value at the original price',
    tests: [
      {
        kind: 'money',
        events: 'overrideValue',
        of: ['gross'],
        squares: 'overrideSquares',
        count: 'overrides',
      },
    ],
    money: 'overrideValue',
  },
  {
    id: 'voids',
    label: 'Voided transactions',
    unit: 'of all transactions',
    tests: [share('voids', 'transactions', 'voids'), share('cashVoids', 'transactions', 'voids')],
    money: 'voidValue',
  },
  {
    id: 'noReason',
    label: 'Manual discounts without a reason',
    unit: 'of manual discounts',
    tests: [share('noReason', 'manual'), share('noReason', 'lines')],
    money: 'noReasonValue',
  },
  {
    id: 'withheld',
    label: 'Items of an offer sold without its discount',
    unit: 'of sold items of offers',
    tests: [share('withheld', 'offers')],
    money: 'withheldValue',
  },
];

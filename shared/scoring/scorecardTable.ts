import * as facts from './scorecardFacts.ts';

/** The families of reason codes. 500, 700, 800, 900 and 1100 are DFP's (WIRE.md 4); the others are ours, in its style. */
export const reasonFamilies = {
  transaction: { code: '100', name: 'TRANSACTION_INFORMATION:GENERAL' },
  velocity: { code: '200', name: 'TRANSACTION_VELOCITY:GENERAL' },
  location: { code: '500', name: 'LOCATION_CONSISTENCY:GENERAL' },
  account: { code: '700', name: 'ACCOUNT_INFORMATION:GENERAL' },
  accountConsistency: { code: '800', name: 'ACCOUNT_CONSISTENCY:GENERAL' },
  payment: { code: '900', name: 'PAYMENT_INFORMATION:GENERAL' },
  product: { code: '1000', name: 'PRODUCT_INFORMATION:GENERAL' },
  device: { code: '1100', name: 'DEVICE_INFORMATION:GENERAL' },
} as const;

/** One line of the scorecard. */
export interface Characteristic {
  id: string;
  description: string;
  family: keyof typeof reasonFamilies;
  unit: 'USD' | 'days' | 'count' | 'share' | 'yes/no' | 'kind' | 'miles';
  measure: facts.Measure;
  /** points where the purchase does not tell */
  absent: number;
  /** `[from, points]`, ascending: a measure gets the points of the last step it has reached; points only rise or only fall */
  steps: readonly (readonly [from: number, points: number])[];
}

const line = (
  id: string,
  family: Characteristic['family'],
  unit: Characteristic['unit'],
  description: string,
  measure: facts.Measure,
  absent: number,
  steps: Characteristic['steps'],
): Characteristic => ({ id, family, unit, description, measure, absent, steps });

/** Points for yes, and for no. */
const either = (yes: number, no = 0): Characteristic['steps'] => [
  [0, no],
  [1, yes],
];

/** Where a purchase starts: odds of fraud of about 1 : 45. */
export const basePoints = -110;

/** So many points double the odds. */
export const pointsToDouble = 20;

/**
 * The default scorecard for purchases. Points are judgement, set from what public literature agrees on (new accounts and
 * instruments, mismatches, disposable mail, velocity), not fitted to data; docs/scoring.md explains each line.
 */
export const characteristics: readonly Characteristic[] = [
  line('amount', 'transaction', 'USD', 'Amount, in about US dollars', facts.amountInDollars, 0, [
    [0, 0],
    [100, 4],
    [300, 10],
    [700, 18],
    [1500, 26],
    [5000, 34],
  ]),
  line('accountAge', 'account', 'days', 'Age of the account', facts.accountAge, 0, [
    [0, 22],
    [1, 14],
    [7, 8],
    [30, 2],
    [90, -6],
    [365, -14],
    [1095, -18],
  ]),
  line('firstPurchase', 'account', 'days', 'Time since the first purchase', facts.isFirstPurchaseKnown, 0, [
    [0, 4],
    [30, 0],
    [180, -10],
  ]),
  line(
    'profileChange',
    'account',
    'days',
    'Time since an older account was changed',
    facts.daysSinceProfileChange,
    0,
    [
      [0, 8],
      [1, 4],
      [7, 0],
    ],
  ),
  line('instrumentAge', 'payment', 'days', 'Age of the newest payment instrument', facts.instrumentAge, 0, [
    [0, 16],
    [1, 10],
    [7, 6],
    [30, 0],
    [180, -8],
    [365, -12],
  ]),
  line(
    'shippingAbroad',
    'location',
    'yes/no',
    'Shipping and billing country differ',
    facts.shippingAbroad,
    0,
    either(18, -3),
  ),
  line(
    'userAbroad',
    'location',
    'yes/no',
    'Account and billing country differ',
    facts.userAbroad,
    0,
    either(8, -1),
  ),
  line(
    'ipAbroad',
    'location',
    'yes/no',
    'IP address is in another country',
    facts.ipAbroad,
    0,
    either(20, -6),
  ),
  line(
    'cardAbroad',
    'payment',
    'yes/no',
    'Card was issued in another country',
    facts.cardAbroad,
    0,
    either(24, -4),
  ),
  line(
    'otherZip',
    'location',
    'yes/no',
    'Shipping and billing postal code differ',
    facts.otherZip,
    0,
    either(6, -5),
  ),
  line(
    'departureDistance',
    'location',
    'miles',
    'Departure is far from the billing address',
    facts.departureDistance,
    0,
    [
      [0, -2],
      [500, 2],
      [3000, 8],
    ],
  ),
  line(
    'otherRecipient',
    'accountConsistency',
    'yes/no',
    'Recipient shares no name with the account',
    facts.otherRecipient,
    0,
    either(8, -4),
  ),
  line(
    'otherHolder',
    'accountConsistency',
    'yes/no',
    'Card holder shares no name with the account',
    facts.otherHolder,
    0,
    either(12, -4),
  ),
  line(
    'mailKind',
    'account',
    'kind',
    'Mail address: own domain (0), free (1), disposable (2)',
    facts.mailKind,
    4,
    [
      [0, 0],
      [1, 3],
      [2, 36],
    ],
  ),
  line('mailDigits', 'account', 'count', 'Digits in the mailbox name', facts.digitsInMailbox, 0, [
    [0, 0],
    [4, 3],
    [7, 8],
  ]),
  line(
    'mailConfirmed',
    'account',
    'yes/no',
    'Mail address was confirmed',
    facts.mailConfirmed,
    0,
    either(-6),
  ),
  line(
    'mailSeen',
    'account',
    'days',
    'Time since the mail address was first seen',
    facts.daysSinceMailSeen,
    0,
    [
      [0, 8],
      [30, 2],
      [180, -4],
      [730, -10],
    ],
  ),
  line(
    'otherPayerMail',
    'accountConsistency',
    'yes/no',
    'Payer’s mail address is another one',
    facts.otherPayerMail,
    0,
    either(8, -3),
  ),
  line(
    'phoneInvalid',
    'account',
    'yes/no',
    'Telephone number cannot exist',
    facts.phoneInvalid,
    2,
    either(6, -3),
  ),
  line(
    'phoneAbroad',
    'location',
    'yes/no',
    'Telephone number is of another country',
    facts.phoneAbroad,
    0,
    either(8, -1),
  ),
  line(
    'instrumentCount',
    'payment',
    'count',
    'Payment instruments in one purchase',
    facts.instrumentCount,
    0,
    [
      [1, 0],
      [2, 6],
      [3, 14],
    ],
  ),
  line(
    'checksFailed',
    'payment',
    'yes/no',
    'Card code or address check failed',
    facts.checksFailed,
    0,
    either(24, -8),
  ),
  line(
    'instrumentBlocked',
    'payment',
    'yes/no',
    'Payment instrument is blocked or expired',
    facts.instrumentBlocked,
    0,
    either(20),
  ),
  line('prepaidCard', 'payment', 'yes/no', 'Prepaid or gift card', facts.prepaidCard, 0, either(10)),
  line(
    'payerUnverified',
    'payment',
    'yes/no',
    'Payer is not verified',
    facts.payerUnverified,
    0,
    either(10, -5),
  ),
  line(
    'authenticated3DS',
    'payment',
    'yes/no',
    'Authenticated by 3-D Secure',
    facts.authenticated3DS,
    0,
    either(-20),
  ),
  line('digitalShare', 'product', 'share', 'Share of digital goods', facts.digitalShare, 0, [
    [0, 0],
    [0.5, 4],
    [1, 8],
  ]),
  line('quantity', 'product', 'count', 'Most pieces of one product', facts.mostOfOneProduct, 0, [
    [0, 0],
    [5, 4],
    [10, 10],
    [20, 18],
  ]),
  line('soldOn', 'product', 'yes/no', 'Goods that are easily sold on', facts.soldOn, 0, either(14)),
  line(
    'repeatedCharge',
    'transaction',
    'yes/no',
    'Later charge of a subscription',
    facts.repeatedCharge,
    0,
    either(-16),
  ),
  line('rushedShipping', 'transaction', 'yes/no', 'Fast shipping', facts.rushedShipping, 0, either(4)),
  line('triedAgain', 'transaction', 'yes/no', 'Order was tried before', facts.triedAgain, 0, either(6)),
  line('guest', 'account', 'yes/no', 'Bought as a guest', facts.guest, 0, either(8, -2)),
  line('member', 'account', 'yes/no', 'Has a membership', facts.member, 0, either(-4)),
  line(
    'night',
    'transaction',
    'yes/no',
    'Between 1 and 5 o’clock for the customer',
    facts.atNight,
    0,
    either(5),
  ),
  line('deviceUnknown', 'device', 'yes/no', 'Device is not known', facts.deviceUnknown, 0, either(6, -2)),
  line('ipUnknown', 'device', 'yes/no', 'IP address is not known', facts.ipUnknown, 0, either(4)),
  line('agentKnown', 'device', 'yes/no', 'Browser is known', facts.agentKnown, 0, either(-2)),
  line('proxy', 'device', 'yes/no', 'Behind a proxy', facts.behindProxy, 0, either(14)),
  ...[
    line(
      'purchasesPerEmail',
      'velocity',
      'count',
      'Purchases of this mail address',
      facts.velocityNamed('purchases_perEmail'),
      0,
      [
        [0, 0],
        [3, 6],
        [6, 16],
        [12, 28],
      ],
    ),
    line(
      'purchasesPerInstrument',
      'velocity',
      'count',
      'Purchases with this payment instrument',
      facts.velocityNamed('purchases_perPaymentInstrument'),
      0,
      [
        [0, 0],
        [3, 6],
        [6, 18],
        [12, 30],
      ],
    ),
    line(
      'purchasesPerIp',
      'velocity',
      'count',
      'Purchases from this IP address',
      facts.velocityNamed('purchases_perIP'),
      0,
      [
        [0, 0],
        [6, 4],
        [20, 12],
        [60, 20],
      ],
    ),
    line(
      'purchasesPerDevice',
      'velocity',
      'count',
      'Purchases from this device',
      facts.velocityNamed('purchases_perDevice'),
      0,
      [
        [0, 0],
        [4, 6],
        [8, 16],
        [16, 26],
      ],
    ),
    line(
      'usersPerInstrument',
      'velocity',
      'count',
      'Customers with this payment instrument',
      facts.velocityNamed('uniqueUsers_perPaymentInstrument'),
      0,
      [
        [0, 0],
        [2, 6],
        [3, 16],
        [5, 30],
      ],
    ),
    line(
      'usersPerDevice',
      'velocity',
      'count',
      'Customers on this device',
      facts.velocityNamed('uniqueUsers_perDevice'),
      0,
      [
        [0, 0],
        [2, 4],
        [4, 14],
        [8, 28],
      ],
    ),
    line(
      'instrumentsPerUser',
      'velocity',
      'count',
      'Payment instruments of this customer',
      facts.velocityNamed('uniquePaymentInstruments_perUser'),
      0,
      [
        [0, 0],
        [3, 8],
        [5, 20],
        [8, 32],
      ],
    ),
    line(
      'spendingPerUser',
      'velocity',
      'USD',
      'What this customer spent',
      facts.velocityNamed('totalSpending_perUser'),
      0,
      [
        [0, 0],
        [1000, 4],
        [3000, 12],
        [10_000, 22],
      ],
    ),
  ],
];

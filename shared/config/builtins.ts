/*
 * What every new environment starts with, as DFP's documentation names it: the default support rule (rules.md) and the
 * default velocity sets (velocities.md). The rule is the merchant's to change; the velocity sets are system-defined.
 */

export interface BuiltIn {
  kind: string;
  name: string;
  system?: true;
  body: unknown;
}

/** list, attributes, word in reason codes */
const checkedLists: readonly (readonly [string, readonly string[], string])[] = [
  ['Email Support List', ['user.email'], 'email'],
  [
    'Payment Instrument Support List',
    ['paymentInstrumentList.merchantPaymentInstrumentId'],
    'payment instrument',
  ],
  ['IP Support List', ['deviceContext.ipAddress'], 'IP address'],
  ['User ID Support List', ['user.userId'], 'user ID'],
  [
    'Device ID Support List',
    ['deviceContext.externalDeviceId', 'deviceAttributes.cookieDeviceId'],
    'device ID',
  ],
];

/** A block on any list weighs more than a watch on another, and both more than a safe. */
const steps: readonly (readonly [string, string, string])[] = [
  ['Block', 'IsBlock', 'Reject'],
  ['Watch', 'IsWatch', 'Review'],
  ['Safe', 'IsSafe', 'Approve'],
];

function supportRule(): BuiltIn {
  return {
    kind: 'rules',
    name: 'Default Support Rule',
    body: {
      assessment: 'Purchase',
      status: 'Active',
      order: 0,
      description:
        'Checks the support lists: Block rejects, Watch sends to review, Safe approves, in this order.',
      clauses: steps.flatMap(([status, test, decision]) =>
        checkedLists.map(([list, attributes, word]) => {
          const condition = attributes.map((attribute) => `${test}("${list}", @"${attribute}")`).join(' or ');
          return {
            name: `${status} - ${list.replace(' Support List', '')}`,
            section: 'PriorToScoring',
            code: `RETURN ${decision}("${word} on the ${status.toLowerCase()} list")\nWHEN ${condition}`,
          };
        }),
      ),
    },
  };
}

function velocitySet(subject: string, suffix: string, attribute: string): BuiltIn {
  return {
    kind: 'velocitySets',
    name: `Default - ${subject} velocities`,
    system: true,
    body: {
      status: 'Active',
      description: 'How many purchases there were, and of which total amount.',
      velocities: [
        `SELECT Count() AS Default_PurchaseCount_Per${suffix}\nFROM Purchase\nGROUPBY @"${attribute}"`,
        `SELECT Sum(@"totalAmount") AS Default_PurchaseAmount_Per${suffix}\nFROM Purchase\nGROUPBY @"${attribute}"`,
      ],
    },
  };
}

/** In the order in which they are created. */
export const builtIns: readonly BuiltIn[] = [
  velocitySet('Email', 'Email', 'user.email'),
  velocitySet(
    'Payment instrument',
    'PaymentInstrument',
    'paymentInstrumentList[0].merchantPaymentInstrumentId',
  ),
  velocitySet('IP', 'IP', 'deviceContext.ipAddress'),
  velocitySet('Device ID', 'DeviceID', 'deviceContext.externalDeviceId'),
  supportRule(),
];

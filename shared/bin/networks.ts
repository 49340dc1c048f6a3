interface CardNetwork {
  name: string;
  /** first and last prefix, of the same number of digits */
  prefixes: readonly (readonly [string, string])[];
  /** of card numbers, in digits */
  lengths: readonly number[];
}

/**
 * Card networks by the first digits of a card number: the ranges that the networks publish for merchants' checks (ISO/IEC
 * 7812 numbers). Where two ranges hold a prefix, the longer prefix counts.
 */
const networks: readonly CardNetwork[] = [
  { name: 'Visa', prefixes: [['4', '4']], lengths: [13, 16, 19] },
  {
    name: 'Mastercard',
    prefixes: [
      ['51', '55'],
      ['2221', '2720'],
    ],
    lengths: [16],
  },
  {
    name: 'American Express',
    prefixes: [
      ['34', '34'],
      ['37', '37'],
    ],
    lengths: [15],
  },
  {
    name: 'Discover',
    prefixes: [
      ['6011', '6011'],
      ['644', '649'],
      ['65', '65'],
    ],
    lengths: [16, 17, 18, 19],
  },
  {
    name: 'Diners Club',
    prefixes: [
      ['300', '305'],
      ['3095', '3095'],
      ['36', '36'],
      ['38', '39'],
    ],
    lengths: [14, 15, 16, 17, 18, 19],
  },
  { name: 'JCB', prefixes: [['3528', '3589']], lengths: [16, 17, 18, 19] },
  {
    name: 'UnionPay',
    prefixes: [
      ['62', '62'],
      ['81', '81'],
    ],
    lengths: [16, 17, 18, 19],
  },
  {
    name: 'Maestro',
    prefixes: [
      ['5018', '5018'],
      ['5020', '5020'],
      ['5038', '5038'],
      ['5893', '5893'],
      ['6304', '6304'],
      ['6759', '6759'],
      ['6761', '6763'],
    ],
    lengths: [12, 13, 14, 15, 16, 17, 18, 19],
  },
  { name: 'Mir', prefixes: [['2200', '2204']], lengths: [16, 17, 18, 19] },
  {
    name: 'RuPay',
    prefixes: [
      ['508', '508'],
      ['6521', '6522'],
      ['817', '819'],
    ],
    lengths: [16],
  },
  { name: 'Troy', prefixes: [['9792', '9792']], lengths: [16] },
];

const longestFirst = networks
  .flatMap((network) => network.prefixes.map(([from, to]) => ({ network, from, to })))
  .sort((left, right) => right.from.length - left.from.length);

/** The network of a card by its first digits, with the lengths of its card numbers; undefined where no public range has it. */
export function networkOf(digits: string): { name: string; lengths: readonly number[] } | undefined {
  return longestFirst.find(({ from, to }) => {
    const prefix = digits.slice(0, from.length);
    return prefix.length === from.length && prefix >= from && prefix <= to;
  })?.network;
}

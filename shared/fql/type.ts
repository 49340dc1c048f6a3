/** The types that values of the language have. The last ones have no name a rule could write. */
export const scalarTypes = ['String', 'Int32', 'Double', 'Boolean', 'DateTime', 'TimeSpan'] as const;
export type ScalarType = (typeof scalarTypes)[number];

export type Type =
  | ScalarType
  | 'Json'
  /** An array of strings, what Split gives. */
  | 'Strings'
  /** A set of character classes. */
  | 'CharSet'
  /** The answer of an external call or assessment: JSON with diagnostics. */
  | 'Response'
  /** `{ score, reason }`. */
  | 'Score'
  | 'Pattern'
  | 'Bin'
  /** A velocity's window: `7d`. */
  | 'Window'
  /** An attribute (or what is made of attributes only) whose type its context decides. */
  | 'Open'
  /** Already reported; fits everywhere. */
  | 'Error';

export function isScalar(type: Type): type is ScalarType {
  return scalarTypes.some((t) => t === type);
}

export function isNumber(type: Type): boolean {
  return type === 'Int32' || type === 'Double';
}

const typeNames: Partial<Record<Type, string>> = {
  Json: 'JSON value',
  Strings: 'list of Strings',
  Response: 'response (JSON)',
  Window: 'time window',
  Pattern: 'pattern (GetPattern)',
  Bin: 'BIN record',
  Score: 'model result',
};

/** A type with its article, for messages: `an Int32`. */
export function aType(type: Type): string {
  const name = typeNames[type] ?? type;
  return /^[AEIO]/.test(name) ? `an ${name}` : `a ${name}`;
}

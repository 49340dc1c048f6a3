import { fail, shown } from './fault.ts';

/** A Double as .NET prints it with the invariant culture: shortest text that reads back, exponent from 1E+15 and below 1E-04. */
export function numberText(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e15) {
    const text = String(value);
    if (!text.includes('e')) return text;
  }
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  return `${digits}E${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const double = /^\s*([+-]?)((?:[0-9][0-9,]*)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,4})?)\s*$/;

/** Reads a number as .NET does with the invariant culture (spaces around it, commas between digits, exponents); undefined when it is none. */
export function parseDouble(text: string): number | undefined {
  if (text.length > 400) return undefined;
  const found = double.exec(text);
  const digits = found?.[2] ?? '';
  if (found === null || !/[0-9]/.test(digits) || /^[eE]/.test(digits) || /^\.[eE]/.test(digits))
    return undefined;
  const value = Number(`${found[1] ?? ''}${digits.replaceAll(',', '')}`);
  return Number.isFinite(value) ? value : undefined;
}

/** Reads an Int32; undefined when the text is none or out of range. */
export function parseInteger(text: string): number | undefined {
  if (!/^\s*[+-]?[0-9]{1,20}\s*$/.test(text)) return undefined;
  const value = Number(text);
  return isInt32(value) ? value : undefined;
}

export function isInt32(value: number): boolean {
  return value === (value | 0);
}

/** The result of Int32 arithmetic; overflow is a fault. */
export function int(value: number, site: number): number {
  if (value !== (value | 0))
    fail(
      site,
      'overflow',
      'The result is larger than an Int32 can be. Write one number with a point to compute with Doubles.',
    );
  return value | 0;
}

/** The result of Double arithmetic; what is not finite is a fault. */
export function finite(value: number, site: number): number {
  if (value - value !== 0) fail(site, 'not-finite', 'The result is not a finite number.');
  return value;
}

export function divideInt(a: number, b: number, site: number): number {
  if (b === 0) fail(site, 'division-by-zero', 'Division of an integer by zero.');
  return int(Math.trunc(a / b), site);
}

export function remainderInt(a: number, b: number, site: number): number {
  if (b === 0) fail(site, 'division-by-zero', 'Division of an integer by zero.');
  return (a % b) | 0;
}

/** Rounds half to even, as .NET's Math.Round. */
export function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A Double as an Int32, rounded half to even, as Convert.ToInt32. */
export function doubleToInt(value: number, site: number): number {
  const rounded = roundEven(value);
  if (rounded !== (rounded | 0)) fail(site, 'overflow', `${shown(value)} is larger than an Int32 can be.`);
  return rounded | 0;
}

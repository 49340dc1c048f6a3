import type { ScalarType, Type } from '../type.ts';
import type { CallDiagnostics, Json } from '../types.ts';
import { dateText, minDate, parseDate, parseSpan, spanText } from './dates.ts';
import { fail, shown } from './fault.ts';
import { isInt32, numberText, parseDouble, parseInteger } from './numbers.ts';

/** The answer of an external call or assessment as a rule holds it. */
export interface Response {
  readonly body: Json;
  readonly diagnostics: CallDiagnostics;
}

/** What a missing value of a type is. */
export const defaults: Readonly<Record<ScalarType, string | number | boolean>> = {
  String: '',
  Int32: 0,
  Double: 0,
  Boolean: false,
  DateTime: minDate,
  TimeSpan: 0,
};

export function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** A JSON value as a String: text as it is, numbers and Booleans printed; an object or array is a fault. */
export function jsonToString(value: unknown, site: number): string {
  if (typeof value === 'string') return value;
  if (isMissing(value)) return '';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  return fail(site, 'not-a-string', `${kindOf(value)} is no String. ToStr() gives its JSON text.`);
}

export function jsonToDouble(value: unknown, site: number): number {
  if (typeof value === 'number') return value;
  if (isMissing(value)) return 0;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const parsed = typeof value === 'string' ? parseDouble(value) : undefined;
  return parsed ?? fail(site, 'not-a-number', `${shown(value)} is no number.`);
}

export function jsonToInt(value: unknown, site: number): number {
  if (isMissing(value)) return 0;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const number = typeof value === 'string' ? (parseInteger(value) ?? parseDouble(value)) : value;
  if (typeof number !== 'number') return fail(site, 'not-a-number', `${shown(value)} is no number.`);
  if (!isInt32(number)) return fail(site, 'not-an-integer', `${shown(value)} is no Int32.`);
  return number | 0;
}

export function jsonToBoolean(value: unknown, site: number): boolean {
  if (typeof value === 'boolean') return value;
  if (isMissing(value)) return false;
  if (typeof value === 'number') return value !== 0;
  const text = typeof value === 'string' ? value.trim().toLowerCase() : undefined;
  if (text === 'true') return true;
  if (text === 'false') return false;
  return fail(site, 'not-a-boolean', `${shown(value)} is neither true nor false.`);
}

export function jsonToDate(value: unknown, site: number): number {
  if (isMissing(value)) return minDate;
  const parsed = typeof value === 'string' ? parseDate(value) : undefined;
  return parsed ?? fail(site, 'not-a-datetime', `${shown(value)} is no DateTime.`);
}

export function jsonToSpan(value: unknown, site: number): number {
  if (isMissing(value)) return 0;
  const parsed = typeof value === 'string' ? parseSpan(value) : undefined;
  return parsed ?? fail(site, 'not-a-timespan', `${shown(value)} is no TimeSpan.`);
}

export const fromJson: Readonly<
  Record<ScalarType, (value: unknown, site: number) => string | number | boolean>
> = {
  String: jsonToString,
  Int32: jsonToInt,
  Double: jsonToDouble,
  Boolean: jsonToBoolean,
  DateTime: jsonToDate,
  TimeSpan: jsonToSpan,
};

/** A scalar as text, as `+` with a String and ToString() print it. */
export function scalarText(type: Type, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value !== 'number') return '';
  if (type === 'DateTime') return dateText(value);
  if (type === 'TimeSpan') return spanText(value);
  return numberText(value);
}

/** Any JSON value as text: scalars as they are, the rest as JSON. */
export function jsonText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : jsonToString(value, 0);
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'An array' : 'An object';
}

/** DateTime values are milliseconds since 1970 UTC, with fractions; TimeSpan values are milliseconds. */

export const minDate = -62135596800000;
export const maxDate = 253402300799999.9;
export const msPerDay = 86400000;

export const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
export const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

export interface DateParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** With fractions. */
  millisecond: number;
  weekday: number;
}

export function dateParts(value: number): DateParts {
  const whole = Math.floor(value);
  const date = new Date(whole);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    millisecond: date.getUTCMilliseconds() + (value - whole),
    weekday: date.getUTCDay(),
  };
}

export function daysInMonth(year: number, month: number): number {
  return [31, isLeapYear(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Milliseconds of a date of the proleptic Gregorian calendar; undefined where there is no such date or time. */
export function dateOf(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  fraction = 0,
): number | undefined {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month))
    return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return date.getTime() + fraction;
}

const zone = '\\s*(Z|UTC|GMT|[+-][0-9]{1,2}(?::?[0-9]{2})?)?';
const time = `(?:[T ]\\s*([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,12}))?)?\\s*(AM|PM)?${zone})?`;
const forms: readonly { pattern: RegExp; order: readonly [year: number, month: number, day: number] }[] = [
  { pattern: new RegExp(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})${time}$`, 'i'), order: [1, 2, 3] },
  { pattern: new RegExp(`^([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})${time}$`, 'i'), order: [1, 2, 3] },
  { pattern: new RegExp(`^([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})${time}$`, 'i'), order: [3, 1, 2] },
  {
    pattern: new RegExp(
      `^(?:[a-z]{3,9},? )?([a-z]{3,9})[ ,]\\s*([0-9]{1,2})(?:,\\s*|\\s+)([0-9]{4}),?${time}$`,
      'i',
    ),
    order: [3, 1, 2],
  },
  {
    pattern: new RegExp(`^(?:[a-z]{3,9},? )?([0-9]{1,2})[ -]([a-z]{3,9})[ -]([0-9]{4}),?${time}$`, 'i'),
    order: [3, 2, 1],
  },
];

/**
 * Reads a date: ISO 8601 and what .NET's invariant culture reads (`05/01/2024 11:04 PM`, `Feb 22, 2024 4:44 PM`,
 * RFC 1123). Text without an offset is UTC. Undefined when it is no date.
 */
export function parseDate(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > 64) return undefined;
  for (const { pattern, order } of forms) {
    const found = pattern.exec(trimmed);
    if (found === null) continue;
    const month = found[order[1]] ?? '';
    const monthNumber = /^[0-9]/.test(month) ? Number(month) : monthOf(month);
    const hour = hourOf(found[4], found[8]);
    if (hour === undefined) return undefined;
    const local = dateOf(
      Number(found[order[0]]),
      monthNumber,
      Number(found[order[2]]),
      hour,
      Number(found[5] ?? 0),
      Number(found[6] ?? 0),
      Number(`0.${found[7] ?? '0'}`) * 1000,
    );
    if (local === undefined) return undefined;
    const utc = local - offsetOf(found[9]);
    return utc < minDate || utc > maxDate ? undefined : utc;
  }
  return undefined;
}

function monthOf(name: string): number {
  const lower = name.toLowerCase();
  return months.findIndex((m) => m.toLowerCase() === lower || m.slice(0, 3).toLowerCase() === lower) + 1;
}

function hourOf(text: string | undefined, half: string | undefined): number | undefined {
  const hour = Number(text ?? 0);
  if (half === undefined) return hour;
  if (hour < 1 || hour > 12) return undefined;
  return (hour % 12) + (half.toUpperCase() === 'PM' ? 12 : 0);
}

function offsetOf(text: string | undefined): number {
  const found = /^([+-])([0-9]{1,2}):?([0-9]{2})?$/.exec(text ?? '');
  if (found === null) return 0;
  const minutes = Number(found[2]) * 60 + Number(found[3] ?? 0);
  return (found[1] === '-' ? -minutes : minutes) * 60000;
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

/** The seven digits of a second's fraction; a DateTime is exact to a microsecond, so the last one is 0. */
function fractionDigits(millisecond: number): string {
  return `${pad(Math.min(999999, Math.round(millisecond * 1000)), 6)}0`;
}

/** ISO 8601 in UTC; a fraction only where there is one. */
export function dateText(value: number): string {
  const p = dateParts(value);
  const fraction = fractionDigits(p.millisecond).replace(/0+$/, '');
  return `${pad(p.year, 4)}-${pad(p.month, 2)}-${pad(p.day, 2)}T${pad(p.hour, 2)}:${pad(p.minute, 2)}:${pad(p.second, 2)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

const standardFormats: Readonly<Record<string, string>> = {
  d: 'MM/dd/yyyy',
  D: 'dddd, dd MMMM yyyy',
  t: 'HH:mm',
  T: 'HH:mm:ss',
  f: 'dddd, dd MMMM yyyy HH:mm',
  F: 'dddd, dd MMMM yyyy HH:mm:ss',
  g: 'MM/dd/yyyy HH:mm',
  G: 'MM/dd/yyyy HH:mm:ss',
  M: 'MMMM dd',
  m: 'MMMM dd',
  Y: 'yyyy MMMM',
  y: 'yyyy MMMM',
  s: "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
  u: "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
  o: "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
  O: "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
  R: "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
  r: "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
};

/** Formats as .NET's DateTime.ToString(format) with the invariant culture; undefined when the format is none. */
export function formatDate(value: number, format: string): string | undefined {
  const pattern =
    format.length === 1
      ? Object.hasOwn(standardFormats, format)
        ? standardFormats[format]
        : undefined
      : format;
  if (pattern === undefined || pattern.length > 200) return undefined;
  const p = dateParts(value);
  const fraction = fractionDigits(p.millisecond);
  let out = '';
  for (const token of pattern.matchAll(/'[^']*'|"[^"]*"|\\.|%|y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|K|[\s\S]/g)) {
    out += formatPart(token[0], p, fraction);
  }
  return out;
}

function formatPart(token: string, p: DateParts, fraction: string): string {
  const n = token.length;
  switch (token[0]) {
    case 'y':
      return n <= 2 ? pad(p.year % 100, n) : pad(p.year, n);
    case 'M':
      return n <= 2 ? pad(p.month, n) : (months[p.month - 1] ?? '').slice(0, n === 3 ? 3 : undefined);
    case 'd':
      return n <= 2 ? pad(p.day, n) : (weekdays[p.weekday] ?? '').slice(0, n === 3 ? 3 : undefined);
    case 'H':
      return pad(p.hour, Math.min(n, 2));
    case 'h':
      return pad(p.hour % 12 === 0 ? 12 : p.hour % 12, Math.min(n, 2));
    case 'm':
      return pad(p.minute, Math.min(n, 2));
    case 's':
      return pad(p.second, Math.min(n, 2));
    case 'f':
      return fraction.slice(0, Math.min(n, 7));
    case 'F':
      return fraction.slice(0, Math.min(n, 7)).replace(/0+$/, '');
    case 't':
      return (p.hour < 12 ? 'AM' : 'PM').slice(0, Math.min(n, 2));
    case 'z':
      return n === 1 ? '+0' : n === 2 ? '+00' : '+00:00';
    case 'K':
      return 'Z';
    case '%':
      return '';
    case "'":
    case '"':
      return n > 1 ? token.slice(1, -1) : token;
    case '\\':
      return token.slice(1);
    default:
      return token;
  }
}

/** A TimeSpan as .NET prints it: `[-][d.]hh:mm:ss[.fffffff]`. */
export function spanText(value: number): string {
  const size = Math.abs(value);
  const days = Math.floor(size / msPerDay);
  const second = Math.floor(size / 1000) % 60;
  const minute = Math.floor(size / 60000) % 60;
  const hour = Math.floor(size / 3600000) % 24;
  const fraction = fractionDigits(size % 1000);
  return `${value < 0 ? '-' : ''}${days > 0 ? `${days}.` : ''}${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}${fraction === '0000000' ? '' : `.${fraction}`}`;
}

/** Reads `[-][d.]hh:mm[:ss[.fffffff]]` or whole days; undefined when the text is none. */
export function parseSpan(text: string): number | undefined {
  const found =
    /^\s*(-?)(?:([0-9]{1,8})|(?:([0-9]{1,8})[.:])?([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,7}))?)?)\s*$/.exec(
      text,
    );
  if (found === null) return undefined;
  const [, sign, onlyDays, days, hour, minute, second, fraction] = found;
  if (Number(hour ?? 0) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 59) return undefined;
  const size =
    Number(onlyDays ?? days ?? 0) * msPerDay +
    Number(hour ?? 0) * 3600000 +
    Number(minute ?? 0) * 60000 +
    Number(second ?? 0) * 1000 +
    Number(`0.${fraction ?? '0'}`) * 1000;
  return sign === '-' ? -size : size;
}

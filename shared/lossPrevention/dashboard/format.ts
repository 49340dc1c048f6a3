import { createHash } from 'node:crypto';

/** Money in the store's currency; cents in. A currency that is no ISO code stands behind the number as it came. */
export function money(cents: number, currency: string): string {
  const value = cents / 100;
  const digits = { minimumFractionDigits: 0, maximumFractionDigits: 0 };
  if (/^[A-Z]{3}$/.test(currency))
    return new Intl.NumberFormat('en', { style: 'currency', currency, ...digits }).format(value);
  const plain = new Intl.NumberFormat('en', digits).format(value);
  return currency === '' ? plain : `${plain} ${currency}`;
}

/** Exact money of one transaction. */
export function exactMoney(cents: number, currency: string): string {
  const plain = (cents / 100).toFixed(2);
  return currency === '' ? plain : `${plain} ${currency}`;
}

export const count = (value: number): string => new Intl.NumberFormat('en').format(value);

/** A share as a percentage with as many digits as it needs. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(2)} %`;
}

/** One CSV cell. Text that a spreadsheet would run as a formula is preceded by an apostrophe (OWASP, CSV injection). */
export function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const guarded = /^[\s]*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n;]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

export function csv(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [header, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

/** The file name of an entity's page: nothing of its name is in it, so no name can leave its folder. */
export const pageName = (id: string): string =>
  `${createHash('sha256').update(id).digest('hex').slice(0, 24)}.html`;

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
};

/** The content type of a file of the dashboard, by its name. */
export function dashboardType(name: string): string {
  return types[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}

/** Placeholders: `{{parameter}}` and `{{secrets.name}}` in the texts of a definition. */
import type { Json } from '../problem.ts';

const pattern = /\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}/g;

/** The names that placeholders of a text, or of any string inside a JSON value, mention; each once. */
export function placeholders(value: Json): string[] {
  const names = new Set<string>();
  mapStrings(value, (text) => {
    for (const match of text.matchAll(pattern)) names.add(match[1] ?? '');
    return text;
  });
  return [...names];
}

/** The text with every placeholder replaced by what `read` gives for its name. Values are not looked through again. */
export function fill(text: string, read: (name: string) => string): string {
  return text.replace(pattern, (_, name: string) => read(name));
}

/** The value with every string, but no name of a member, passed through `change`. */
export function mapStrings(value: Json | undefined, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change));
  if (value === null || typeof value !== 'object') return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapStrings(item, change)]));
}

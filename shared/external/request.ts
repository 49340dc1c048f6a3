/** The HTTP request of a call, built from its definition, the arguments and the secrets. */
import type { Json } from '../problem.ts';
import type { ExternalCall } from './definition.ts';
import { fill, mapStrings, placeholders } from './template.ts';

export interface OutgoingRequest {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body?: string;
}

/**
 * Arguments are strings in the order of the parameters; one that is absent is empty. Where headers or the body's template
 * mention a parameter it goes there; all others go into the query (GET) or, without a template, into a JSON object (POST).
 * @param secrets values by name; every secret of the definition must be there
 */
export function buildRequest(
  definition: ExternalCall,
  args: readonly string[],
  secrets: Readonly<Record<string, string>>,
): OutgoingRequest {
  const values = new Map(
    definition.parameters.map(({ name }, index): [string, string] => [name.toLowerCase(), args[index] ?? '']),
  );
  const secret = (name: string) => secrets[name.slice('secrets.'.length)] ?? '';
  const value = (name: string) =>
    name.startsWith('secrets.') ? secret(name) : (values.get(name.toLowerCase()) ?? '');

  const url = new URL(fill(definition.url, (name) => encodeURIComponent(secret(name))));
  const headers: Record<string, string> = { accept: 'application/json', 'accept-encoding': 'identity' };
  for (const header of definition.headers)
    headers[header.name.toLowerCase()] = fill(header.value, (name) => headerText(value(name)));

  const placed = new Set(
    placeholders(definition.headers.map((header) => header.value)).map((name) => name.toLowerCase()),
  );
  const free = definition.parameters.filter(({ name }) => !placed.has(name.toLowerCase()));
  if (definition.method === 'GET') {
    for (const { name } of free) url.searchParams.append(name, wellFormed(value(name)));
    return { method: 'GET', url, headers };
  }
  headers['content-type'] = 'application/json';
  const body: Json =
    definition.body === undefined
      ? Object.fromEntries(free.map(({ name }) => [name, value(name)]))
      : mapStrings(definition.body, (text) => fill(text, value));
  return { method: 'POST', url, headers, body: JSON.stringify(body) };
}

/** Arguments come from events: what a header cannot carry, line ends above all, is percent-encoded as UTF-8. */
function headerText(text: string): string {
  return wellFormed(text).replaceAll(/[^\x20-\x7e]+/g, encodeURIComponent);
}

/** A half of a surrogate pair has no UTF-8; it becomes the replacement character, as in any encoder. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}

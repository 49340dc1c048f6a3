/** Keeps secrets out of whatever leaves a call: diagnostics, responses, events, logs. */
import type { Json } from '../problem.ts';

/** Stands where a secret was. Secrets are printable ASCII, so that no part of it can complete one. */
const mark = '…';

export interface Redactor {
  /** The text without any of the secrets, as they are, URL-encoded, JSON-escaped or in Base64, in any letter case. */
  text(text: string): string;
  /** The text from its first `limit` characters, without the part of a secret that the cut would leave. */
  head(text: string, limit: number): string;
  /** The value with every string, name and number that holds a secret redacted. */
  json(value: Json): Json;
}

/** A redactor of these secrets; empty ones are ignored. Without secrets it changes nothing and costs nothing. */
export function redactor(secrets: Iterable<string>): Redactor {
  // the longest first, so that of two secrets where one begins the other nothing is left over
  const known = [...new Set(secrets)].filter((one) => one !== '').sort((a, b) => b.length - a.length);
  if (known.length === 0)
    return { text: (text) => text, head: (text, limit) => text.slice(0, limit), json: (value) => value };
  const pattern = new RegExp(known.flatMap(patternsOf).join('|'), 'gi');
  const text = (original: string) => original.replace(pattern, mark);

  function head(original: string, limit: number): string {
    const across = original
      .matchAll(pattern)
      .find((match) => match.index < limit && match.index + match[0].length > limit);
    return text(original.slice(0, across?.index ?? limit));
  }

  function json(value: Json | undefined): Json {
    if (typeof value === 'string') return text(value);
    if (typeof value === 'number') {
      const shown = text(String(value));
      return shown === String(value) ? value : shown;
    }
    if (Array.isArray(value)) return value.map((item) => json(item));
    if (value === null || typeof value !== 'object') return value ?? null;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [text(name), json(item)]));
  }
  return { text, head, json };
}

/** Every character as it is, percent-encoded as UTF-8, or escaped as JSON does; then the whole in Base64. Case does not count. */
function patternsOf(secret: string): string[] {
  const characters = [...secret.toWellFormed()].map((character) => {
    const percent = [...Buffer.from(character)].map((byte) => `%${hex(byte, 2)}`).join('');
    const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
    const escaped = units.map((unit) => `\\\\u${hex(unit, 4)}`).join('');
    const short = literally(JSON.stringify(character).slice(1, -1));
    const plus = character === ' ' ? '|\\+' : '';
    return `(?:${percent}|${escaped}|${short}|\\\\?${literally(character)}${plus})`;
  });
  const bytes = Buffer.from(secret);
  const base64 = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
  return [characters.join(''), ...base64.map(literally)];
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

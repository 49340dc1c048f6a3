import { createHash } from 'node:crypto';

const longest = 240;
const hashed = 43;

/**
 * Text as part of a PartitionKey, RowKey or blob name: injective for any string, lone surrogates included (for results
 * over 240 characters as far as SHA-256 is), case kept, 1 to 240 characters of `A-Z a-z 0-9 - _ . ~`. So `|` and `/` are
 * free as separators, and two encoded parts fit a key, whose limit is 512 characters. The order of texts is not kept.
 *
 * Other UTF-16 units become `~` and two hexadecimal digits, or `~u` and four; a point at either end too (`.` and `..`
 * mean something in a path); no text at all is `~`. A long result is its first part, `~~`, and the text's SHA-256.
 */
export function encodeKey(text: string): string {
  if (text === '') return '~';
  // beyond this length the outcome is known to be long, and only its head is looked at
  const encoded = text.slice(0, longest + 1).replaceAll(/[^A-Za-z0-9._-]|^\.|\.$/g, escapeUnit);
  if (text.length <= longest && encoded.length <= longest) return encoded;
  const tail = createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('base64url');
  return `${encoded.slice(0, longest - hashed - 2)}~~${tail}`;
}

// without the u flag a match is one UTF-16 unit, so that lone surrogates stay apart
function escapeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  return code < 0x100 ? `~${hex(code, 2)}` : `~u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

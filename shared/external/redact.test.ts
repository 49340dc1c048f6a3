import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../problem.ts';
import { redactor } from './redact.ts';

/** What definitions accept as a secret: printable ASCII without spaces around it, of 4 characters or more. */
const secret = fc
  .string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 4,
    maxLength: 40,
  })
  .filter((text) => text.trim() === text);

const around = fc.string({ unit: 'binary', maxLength: 30 });

test('no text comes out with a secret in it, wherever it stood and however often', () => {
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 4 }),
      fc.array(around, { minLength: 2, maxLength: 6 }),
      (secrets, parts) => {
        const text = parts.flatMap((part, index) => [part, secrets[index % secrets.length] ?? '']).join('');
        const redacted = redactor(secrets).text(text);
        for (const one of secrets) expect(redacted).not.toContain(one);
      },
    ),
    { numRuns: 500 },
  );
});

test.each<[string, (text: string) => string]>([
  ['URL-encoded', encodeURIComponent],
  [
    'URL-encoded in lower case',
    (text) => encodeURIComponent(text).replaceAll(/%../g, (code) => code.toLowerCase()),
  ],
  ['as a query parameter', (text) => new URLSearchParams([['a', text]]).toString().slice(2)],
  ['in a URL', (text) => new URL(`https://h/?a=${encodeURIComponent(text)}`).search.slice(3)],
  ['quoted in JSON', (text) => JSON.stringify({ a: text })],
  ['in Base64', (text) => Buffer.from(text).toString('base64')],
  ['in Base64 for URLs', (text) => Buffer.from(text).toString('base64url')],
])('a secret is found %s', (_, encode) => {
  fc.assert(
    fc.property(secret, around, (one, part) => {
      const encoded = encode(one);
      expect(redactor([one]).text(part + encoded + part)).not.toContain(encoded);
    }),
  );
});

test('no JSON value comes out with a secret in a string, a name or a number', () => {
  fc.assert(
    fc.property(secret, fc.jsonValue(), (one, value) => {
      const response: Json = JSON.parse(
        JSON.stringify({ [one]: [value, one, { deep: `a${one}b` }], n: 12345678 }),
      );
      const redacted = JSON.stringify(redactor([one, '345678']).json(response));
      expect(redacted).not.toContain(JSON.stringify(one).slice(1, -1));
      expect(redacted).not.toContain('12345678');
    }),
  );
});

test('the beginning of a text ends before a secret that the cut would part', () => {
  const redact = redactor(['s3cret/of ours']);
  expect(redact.head('1234 s3cret/of ours', 10)).toBe('1234 ');
  expect(redact.head('1234 s3cret%2Fof%20ours', 22)).toBe('1234 ');
  expect(redact.head('s3cret/of ours 1234 s3cret/of ours', 19)).toBe('… 1234');
  expect(redactor([]).head('1234567', 3)).toBe('123');
});

test('what holds no secret stays as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      const json: Json = JSON.parse(JSON.stringify(value));
      for (const quiet of [redactor([]), redactor(['']), redactor(['\u0001\u0002never\u0003'])]) {
        expect(quiet.json(json)).toEqual(json);
        expect(quiet.text(text)).toBe(text);
      }
    }),
  );
});

test.each([
  ['URL-encoded', encodeURIComponent],
  ['in JSON', (text: string) => JSON.stringify(text).slice(1, -1)],
  [
    'in JSON of ASCII',
    (text: string) =>
      JSON.stringify(text)
        .slice(1, -1)
        .replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  ],
])('what Key Vault holds may have any characters: %s', (_, shape) => {
  const held = 'pä😀ss\nword"';
  expect(redactor([held]).text(`<${shape(held)}>`)).toBe('<…>');
});

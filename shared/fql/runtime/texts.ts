import { fail } from './fault.ts';

/** Longer texts are not built: a few LETs that double a text would fill the memory. */
export const longestText = 2_000_000;

/** A text that was put together from others; one that is too long is a fault. */
export function joined(text: string, site: number): string {
  return text.length > longestText ? tooLong(text.length, site) : text;
}

/** The fault of a text of so many characters. */
export function tooLong(length: number, site: number): never {
  return fail(site, 'too-large', `A text of ${length} characters; it may have ${longestText}.`);
}

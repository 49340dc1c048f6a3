/**
 * Does the whole text fit the pattern, in which `*` is any text without `/`, and `**` any text? Whatever the pattern, it takes
 * no more steps than the product of both lengths: patterns come from callers, and a regular expression of a few stars can keep a
 * process busy for hours.
 */
export function fitsPattern(pattern: string, text: string): boolean {
  // where in the text what was looked at of the pattern may end
  let ends = new Set([0]);
  for (const part of pattern.split(/(\*\*|\*)/)) {
    const next = new Set<number>();
    for (const end of ends) {
      if (part !== '*' && part !== '**') {
        if (text.startsWith(part, end)) next.add(end + part.length);
        continue;
      }
      for (let at = end; at <= text.length && !next.has(at); at++) {
        next.add(at);
        if (part === '*' && text[at] === '/') break;
      }
    }
    ends = next;
  }
  return ends.has(text.length);
}

import { isIP } from 'node:net';

/** An IP address as it is looked up; `v4` is the IPv4 address that it is, or that it carries. */
export interface Address {
  text: string;
  family: 4 | 6;
  /** 32 bits, unsigned */
  v4?: number;
}

/**
 * Reads an IPv4 or IPv6 address, with brackets or a zone too. IPv6 addresses that carry an IPv4 one (mapped, RFC 4291;
 * NAT64, RFC 6052; 6to4, RFC 3056) have it in `v4`; a mapped one is that IPv4 address. Undefined for any other text.
 */
export function readAddress(given: string): Address | undefined {
  const text = given
    .trim()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/%.*$/, '');
  const family = isIP(text);
  if (family === 4) return { text, family, v4: numberOf(text) };
  if (family !== 6) return undefined;
  const groups = groupsOf(text);
  const [first = 0, second = 0, third = 0] = groups;
  const last = (groups[6] ?? 0) * 65536 + (groups[7] ?? 0);
  const starts = (...prefix: number[]) => prefix.every((group, index) => groups[index] === group);
  if (starts(0, 0, 0, 0, 0, 0xffff)) {
    const mapped = [24, 16, 8, 0].map((shift) => (last >>> shift) & 255).join('.');
    return { text: mapped, family: 4, v4: last };
  }
  if (starts(0x64, 0xff9b, 0, 0, 0, 0)) return { text, family, v4: last };
  if (first === 0x2002) return { text, family, v4: second * 65536 + third };
  return { text, family };
}

function numberOf(dotted: string): number {
  return dotted.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const parse = (part: string) =>
    part.split(':').flatMap((group) => {
      if (group === '') return [];
      if (!group.includes('.')) return [Number.parseInt(group, 16)];
      const number = numberOf(group);
      return [number >>> 16, number & 0xffff];
    });
  const before = parse(head);
  const after = tail === undefined ? [] : parse(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

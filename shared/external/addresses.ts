/**
 * IP addresses: what they are, whichever way they are written. The ranges are those of the IANA special-purpose
 * registries (RFC 6890 and its updates) and the addresses at which clouds keep their metadata services.
 */
import { isIP } from 'node:net';

/** `value` is the address as a number: 32 bits of IPv4, 128 of IPv6. */
export interface Address {
  family: 4 | 6;
  value: bigint;
}

export interface Range extends Address {
  /** how many leading bits count */
  bits: number;
}

export type AddressKind =
  | 'public'
  /** the host itself */
  | 'loopback'
  /** private, carrier or unique-local: reachable only from inside a network */
  | 'private'
  /** where a cloud keeps its metadata and platform services */
  | 'metadata'
  /** of one link only */
  | 'link-local'
  /** multicast, documentation, tunnels, reserved … */
  | 'special';

/**
 * Reads an address in its standard spelling (RFC 4291 for IPv6; a zone after `%` is dropped), and undefined for any other
 * text. IPv4 inside an IPv6 address (mapped, NAT64) is returned as that IPv4 address, because that is who answers.
 */
export function parseAddress(text: string): Address | undefined {
  const plain = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  if (isIP(plain) === 4) return { family: 4, value: v4(plain) };
  return isIP(plain) === 6 ? unwrap(v6(plain)) : undefined;
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; undefined where the text is none of these. */
export function parseRange(text: string): Range | undefined {
  const [head = '', bits, ...rest] = text.split('/');
  const plain = head.trim();
  const family = isIP(plain);
  if (rest.length > 0 || (family !== 4 && family !== 6)) return undefined;
  const size = family === 4 ? 32 : 128;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits.trim())) return undefined;
  const length = bits === undefined ? size : Number(bits);
  if (length > size) return undefined;
  return { family, value: family === 4 ? v4(plain) : v6(plain), bits: length };
}

/** Whether the address is in the range; addresses of another family are not. */
export function within(address: Address, range: Range): boolean {
  if (address.family !== range.family) return false;
  const rest = BigInt((range.family === 4 ? 32 : 128) - range.bits);
  return address.value >> rest === range.value >> rest;
}

/** What an address is; only `public` ones are open to everyone. */
export function kindOf(address: Address): AddressKind {
  return specials.find(({ range }) => within(address, range))?.kind ?? 'public';
}

function v4(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function v6(text: string): bigint {
  const hex = text.replace(/[\d.]+$/, (tail) => {
    if (!tail.includes('.')) return tail;
    const value = v4(tail);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const [head = '', tail] = hex.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = Array<string>(tail === undefined ? 0 : 8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** `::ffff:0:0/96` (mapped) and `64:ff9b::/96` (NAT64 of RFC 6052) end at the IPv4 address that they carry. */
function unwrap(value: bigint): Address {
  const prefix = value >> 32n;
  return prefix === 0xffffn || prefix === 0x0064ff9bn << 64n
    ? { family: 4, value: value & 0xffffffffn }
    : { family: 6, value };
}

function range(text: string): Range {
  const parsed = parseRange(text);
  if (parsed === undefined) throw new Error(`${text} is no address range`);
  return parsed;
}

function all(kind: AddressKind, texts: readonly string[]): { kind: AddressKind; range: Range }[] {
  return texts.map((text) => ({ kind, range: range(text) }));
}

/** The first range that holds an address says what it is. */
const specials = [
  // the metadata service of Azure, AWS, GCP and others; Azure's platform address; ECS tasks; Alibaba; Oracle; AWS over IPv6
  ...all('metadata', ['169.254.169.254', '169.254.170.2', '168.63.129.16', '100.100.100.200', '192.0.0.192']),
  ...all('metadata', ['fd00:ec2::/32', 'fd20:ce::254']),
  ...all('loopback', ['127.0.0.0/8', '::1']),
  ...all('private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']),
  ...all('link-local', ['169.254.0.0/16', 'fe80::/10']),
  // this network, protocol assignments, documentation, 6to4 relays, benchmarks, multicast, reserved, broadcast
  ...all('special', ['0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15']),
  ...all('special', ['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4']),
  // Teredo and the other protocol assignments, documentation, 6to4
  ...all('special', ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']),
  // outside 2000::/3 nothing is global unicast: unspecified, IPv4-compatible, translated, local NAT64, discard, site-local, multicast
  ...all('special', ['::/3', '4000::/2', '8000::/1']),
];

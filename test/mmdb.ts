/** For tests: writes the public MaxMind DB format, version 2.0 (https://maxmind.github.io/MaxMind-DB/), with records of 24 bits. */
export type MmdbValue = string | number | { readonly [name: string]: MmdbValue } | readonly MmdbValue[];

/** A database of networks in CIDR notation, e.g. `['203.0.113.0/24', { … }]`; IPv4 ones lie at ::/96 where `ipVersion` is 6. */
export function writeMmdb(networks: readonly (readonly [string, MmdbValue])[], ipVersion: 4 | 6): Buffer {
  type Node = [Slot, Slot];
  type Slot = { node: number } | { data: number } | undefined;
  const nodes: Node[] = [[undefined, undefined]];
  const data: Buffer[] = [];
  let size = 0;
  for (const [network, value] of networks) {
    const [address = '', length = '0'] = network.split('/');
    const bits = bitsOf(address, ipVersion).slice(
      0,
      Number(length) + (ipVersion === 6 && !address.includes(':') ? 96 : 0),
    );
    let at = 0;
    for (const [index, bit] of bits.entries()) {
      const side = bit === '1' ? 1 : 0;
      const node = nodes[at];
      if (!node) throw new Error('no node');
      if (index === bits.length - 1) node[side] = { data: size };
      else {
        const next = node[side];
        if (next && 'node' in next) at = next.node;
        else {
          nodes.push([undefined, undefined]);
          node[side] = { node: nodes.length - 1 };
          at = nodes.length - 1;
        }
      }
    }
    const bytes = encode(value);
    data.push(bytes);
    size += bytes.length;
  }
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, node] of nodes.entries()) {
    for (const [side, slot] of node.entries()) {
      const record = !slot ? nodes.length : 'node' in slot ? slot.node : nodes.length + 16 + slot.data;
      tree.writeUIntBE(record, index * 6 + side * 3, 3);
    }
  }
  const metadata = encode({
    node_count: nodes.length,
    record_size: 24,
    ip_version: ipVersion,
    database_type: 'Test',
    languages: ['en'],
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    description: { en: 'made by a test' },
  });
  const marker = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex');
  return Buffer.concat([tree, Buffer.alloc(16), ...data, marker, metadata]);
}

function bitsOf(address: string, ipVersion: 4 | 6): string[] {
  const groups = address.includes(':') ? hexGroups(address) : undefined;
  const text = groups
    ? groups.map((group) => group.toString(2).padStart(16, '0')).join('')
    : (ipVersion === 6 ? '0'.repeat(96) : '') +
      address
        .split('.')
        .map((part) => Number(part).toString(2).padStart(8, '0'))
        .join('');
  return [...text];
}

function hexGroups(address: string): number[] {
  const [head = '', tail = ''] = address.split('::');
  const parse = (part: string) =>
    part
      .split(':')
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16));
  const [before, after] = [parse(head), parse(tail)];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), bytes]);
  }
  if (isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([name, each]) => [encode(name), encode(each)]),
  ]);
}

function isArray(value: MmdbValue): value is readonly MmdbValue[] {
  return Array.isArray(value);
}

/** Types beyond 7 stand in a second byte; sizes from 29 to 284 in a further one. */
function control(type: number, size: number): Buffer {
  const short = Math.min(size, 29);
  const head = type > 7 ? [short, type - 7] : [(type << 5) | short];
  return Buffer.from(size >= 29 ? [...head, size - 29] : head);
}

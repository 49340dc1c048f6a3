/** Which addresses external calls may reach. Decided on the address that a socket connects to, never on the name. */
import { promises as dns, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { buildConnector } from 'undici';
import {
  type Address,
  type AddressKind,
  kindOf,
  parseAddress,
  parseRange,
  type Range,
  within,
} from './addresses.ts';

export interface FenceOptions {
  /**
   * What may be reached beside public addresses: address ranges (`10.1.0.0/16`, `fd12::/16`, a single address), and host
   * names (`scoring.internal.contoso.com`, `*.internal.contoso.com`) whose addresses may then be private. Metadata and
   * link-local addresses stay forbidden whatever is listed.
   */
  allow?: readonly string[];
  /** Loopback is allowed, and http to loopback: for a developer's machine. Default false. */
  development?: boolean;
  /** Resolves a name; the operating system's resolver by default. */
  resolve?: (host: string) => Promise<LookupAddress[]>;
}

export interface Fence {
  /**
   * Why a URL can be refused before anything is sent: its protocol, or an address in place of the host name, in any
   * spelling that the URL standard knows. Undefined: nothing known against it; the connection still decides.
   */
  refuses(url: URL): string | undefined;
  /**
   * Opens sockets for undici, by its own `buildConnector`, to permitted addresses only; `tls` holds further certificate
   * authorities.
   */
  connector(build: BuildConnector, tls?: Pick<ConnectionOptions, 'ca'>): buildConnector.connector;
}

/** Given by those who loaded undici: it is a megabyte, which a cold start should not read. */
type BuildConnector = (options: buildConnector.BuildOptions) => buildConnector.connector;

/** A connection that the fence did not allow. */
export class FencedError extends Error {
  readonly code = 'HOLDFAST_FENCED';
}

type Protocol = 'http:' | 'https:';

/** @throws Error naming an entry of the allow-list that is neither an address range nor a host name */
export function openFence(options: FenceOptions = {}): Fence {
  const { ranges, hosts } = readAllowList(options.allow ?? []);
  const development = options.development ?? false;
  const resolve = options.resolve ?? ((host) => dns.lookup(host, { all: true }));
  const waiting = new Map<string, Promise<LookupAddress[]>>();

  /** Undefined: permitted. */
  function judge(
    protocol: Protocol,
    host: string,
    text: string | undefined,
  ): AddressKind | 'unknown' | undefined {
    const address = parseAddress(text ?? '');
    if (address === undefined) return 'unknown';
    const kind = kindOf(address);
    if (protocol === 'http:') return development && kind === 'loopback' ? undefined : kind;
    return permits(kind, address, host) ? undefined : kind;
  }

  function permits(kind: AddressKind, address: Address, host: string): boolean {
    if (kind === 'public') return true;
    if (kind === 'metadata' || kind === 'link-local') return false;
    if (kind === 'loopback' && development) return true;
    if (ranges.some((range) => within(address, range))) return true;
    return kind === 'private' && hosts.some((listed) => matches(listed, host));
  }

  /** One resolution at a time per name: a name server that hangs takes one of the resolver's few threads, not all. */
  function resolveOnce(host: string): Promise<LookupAddress[]> {
    const known = waiting.get(host);
    if (known) return known;
    const started = resolve(host).finally(() => waiting.delete(host));
    waiting.set(host, started);
    return started;
  }

  function lookupFor(protocol: Protocol): LookupFunction {
    return (host, wanted, callback) => {
      resolveOnce(host).then(
        (found) => {
          const permitted = found.filter((one) => judge(protocol, host, one.address) === undefined);
          const first = permitted[0];
          if (first === undefined) {
            const kind = judge(protocol, host, found[0]?.address) ?? 'unknown';
            callback(new FencedError(sentence(host, kind)), '', 0);
          } else if (wanted.all === true) callback(null, permitted);
          else callback(null, first.address, first.family);
        },
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), '', 0),
      );
    };
  }

  function connector(
    build: BuildConnector,
    tls: Pick<ConnectionOptions, 'ca'> = {},
  ): buildConnector.connector {
    const open = (protocol: Protocol) =>
      build({ ...tls, allowH2: false, timeout: 10_000, lookup: lookupFor(protocol) });
    const connectors = { 'http:': open('http:'), 'https:': open('https:') };
    return (target, callback) => {
      const protocol = target.protocol === 'https:' ? 'https:' : 'http:';
      const host = target.hostname.replace(/^\[(.*)\]$/, '$1');
      // net.connect asks no resolver for an address, so that the look-up above would not see it
      const literal = isIP(host) === 0 ? undefined : judge(protocol, host, host);
      if (literal !== undefined) return callback(new FencedError(sentence(host, literal)), null);
      connectors[protocol](target, (...[error, socket]) => {
        if (error !== null) return callback(error, null);
        const reached = judge(protocol, host, socket.remoteAddress);
        if (reached === undefined) return callback(null, socket);
        socket.destroy();
        callback(new FencedError(sentence(host, reached)), null);
      });
    };
  }

  function refuses(url: URL): string | undefined {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'only https URLs can be called';
    if (url.protocol === 'http:' && !development) return 'only https URLs can be called';
    if (isIP(host) === 0) {
      const local = host === 'localhost' || host === 'localhost.';
      return url.protocol === 'http:' && !local ? 'http is only for loopback addresses' : undefined;
    }
    const kind = judge(url.protocol, host, host);
    return kind === undefined ? undefined : sentence(host, kind);
  }

  return { refuses, connector };
}

function sentence(host: string, kind: AddressKind | 'unknown'): string {
  if (kind === 'public') return `${host} may only be called by https`;
  return kind === 'unknown'
    ? `${host} has no address`
    : `${host} is a ${kind} address, which calls may not reach`;
}

function readAllowList(entries: readonly string[]): { ranges: Range[]; hosts: string[] } {
  const ranges: Range[] = [];
  const hosts: string[] = [];
  for (const entry of entries.map((one) => one.trim()).filter((one) => one !== '')) {
    const range = parseRange(entry);
    if (range) ranges.push(range);
    else if (/^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z][a-z0-9_-]*\.?$/i.test(entry))
      hosts.push(entry.toLowerCase().replace(/\.$/, ''));
    else
      throw new Error(
        `"${entry}" in the allow-list of external calls is neither an address range nor a host name`,
      );
  }
  return { ranges, hosts };
}

function matches(listed: string, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return listed.startsWith('*.') ? name.endsWith(listed.slice(1)) : name === listed;
}

/**
 * A certificate and its key out of PKCS#12 (RFC 7292), which is how Key Vault keeps certificates unless told otherwise: with an
 * empty password. Node reads such files for TLS but gives nobody the key; the certificate comes from there, the key
 * from the one bag of the file that holds it, still encrypted, which `node:crypto` then opens.
 */
import { createPrivateKey } from 'node:crypto';
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';

/**
 * The private key (PKCS#8) and the certificate as PEM; undefined where the bytes are no PKCS#12 file that can be read:
 * another password, algorithms that OpenSSL 3 has given up (RC2, which Windows wrote before 2016), indefinite lengths.
 */
export function pemOf(pfx: Uint8Array): string | undefined {
  try {
    const certificate = certificateOf(pfx);
    const key = keyOf(Buffer.from(pfx));
    if (certificate === undefined || key === undefined) return undefined;
    if (!certificate.checkPrivateKey(key)) return undefined;
    return `${key.export({ type: 'pkcs8', format: 'pem' })}${certificate}`;
  } catch {
    return undefined;
  }
}

/** The certificate that belongs to the key. Checks the file's MAC on the way. */
function certificateOf(pfx: Uint8Array) {
  const secureContext = createSecureContext({ pfx: Buffer.from(pfx), passphrase: '' });
  const nowhere = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const socket = new TLSSocket(nowhere, { secureContext });
  socket.on('error', () => {});
  try {
    return socket.getX509Certificate();
  } finally {
    socket.destroy();
  }
}

interface Element {
  tag: number;
  content: Buffer;
  /** with tag and length */
  whole: Buffer;
}

const [octetString, oid, sequence, explicit0] = [0x04, 0x06, 0x30, 0xa0];
// 1.2.840.113549.1.12.10.1: key bag and shrouded key bag
const keyBag = '2a864886f70d010c0a0101';
const shroudedKeyBag = '2a864886f70d010c0a0102';
// 1.2.840.113549.1.7.1
const data = '2a864886f70d010701';

function keyOf(pfx: Buffer) {
  const [, authenticatedSafe] = inside(first(pfx));
  for (const contentInfo of inside(first(contentOf(authenticatedSafe, data) ?? Buffer.alloc(0)))) {
    const safe = contentOf(contentInfo, data);
    for (const bag of safe === undefined ? [] : inside(first(safe))) {
      const [type, value] = inside(bag);
      const kind = type?.tag === oid ? type.content.toString('hex') : '';
      if (value?.tag !== explicit0 || (kind !== keyBag && kind !== shroudedKeyBag)) continue;
      const key = first(value.content).whole;
      const how = { key, format: 'der', type: 'pkcs8' } as const;
      return createPrivateKey(kind === keyBag ? how : { ...how, passphrase: '' });
    }
  }
  return undefined;
}

/** What a ContentInfo of this type holds in its octet string; undefined for another type, as encrypted ones are. */
function contentOf(contentInfo: Element | undefined, type: string): Buffer | undefined {
  if (contentInfo?.tag !== sequence) return undefined;
  const [kind, value] = inside(contentInfo);
  if (kind?.content.toString('hex') !== type || value?.tag !== explicit0) return undefined;
  const octets = first(value.content);
  return octets.tag === octetString ? octets.content : undefined;
}

function inside({ content }: Element): Element[] {
  const found: Element[] = [];
  for (let rest = content; rest.length > 0; ) {
    const element = first(rest);
    found.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return found;
}

/** Reads one element of DER; throws where its length is not there, or indefinite. */
function first(der: Buffer): Element {
  const tag = der.readUInt8(0);
  const short = der.readUInt8(1);
  const bytes = short < 0x80 ? 0 : short & 0x7f;
  if (short === 0x80 || bytes > 4) throw new Error('not DER of a definite length');
  const length = bytes === 0 ? short : der.readUIntBE(2, bytes);
  const start = 2 + bytes;
  if (der.length < start + length) throw new Error('shorter than it says');
  const whole = der.subarray(0, start + length);
  return { tag, content: whole.subarray(start), whole };
}

import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  /** path in the archive, with `/` */
  name: string;
  content: Uint8Array;
}

/** 1 January 1980, the earliest date of the format: the same content always gives the same archive. */
const dosDate = 0x21;
const utf8Names = 0x0800;
const deflated = 8;
const version = 20;
/** made on Unix, so that the mode below is read; a file that all may read */
const madeBy = (3 << 8) | version;
const fileMode = (0o100644 << 16) >>> 0;
const largest = 0xffffffff;
const mostEntries = 0xffff;

/**
 * A zip archive (APPNOTE.TXT of PKWARE, 6.3) of files, sorted by name; the same entries give the same bytes.
 * @throws RangeError where a file or the archive has 4 GiB or more, or there are over 65,535 files
 */
export function zip(entries: readonly ZipEntry[]): Buffer {
  if (entries.length >= mostEntries) throw new RangeError(`${entries.length} files are too many for a zip`);
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of sorted) {
    const data = deflateRawSync(content);
    const nameBytes = Buffer.from(name);
    if (content.length >= largest || offset + data.length >= largest)
      throw new RangeError(`${name} makes the zip larger than 4 GiB`);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(version, 0);
    common.writeUInt16LE(utf8Names, 2);
    common.writeUInt16LE(deflated, 4);
    common.writeUInt16LE(dosDate, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);

    parts.push(signature(0x04034b50), common, nameBytes, data);

    const maker = Buffer.alloc(2);
    maker.writeUInt16LE(madeBy);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(fileMode, 6);
    rest.writeUInt32LE(offset, 10);
    directory.push(signature(0x02014b50), maker, common, rest, nameBytes);
    offset += 4 + common.length + nameBytes.length + data.length;
  }
  const directorySize = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(sorted.length, 4);
  end.writeUInt16LE(sorted.length, 6);
  end.writeUInt32LE(directorySize, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, signature(0x06054b50), end]);
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Writes the counters' binary forms: whole numbers in base 128, least part first (LEB128), signed ones in zigzag. */
export interface ByteWriter {
  byte(value: number): void;
  uint16(value: number): void;
  uint64(value: bigint): void;
  unsigned(value: number): void;
  signed(value: bigint): void;
  done(): Uint8Array;
}

export function byteWriter(expected: number): ByteWriter {
  let view = new DataView(new ArrayBuffer(Math.max(expected, 16)));
  let length = 0;

  function room(bytes: number): number {
    const at = length;
    length += bytes;
    if (length > view.byteLength) {
      const larger = new Uint8Array(Math.max(length, 2 * view.byteLength));
      larger.set(new Uint8Array(view.buffer));
      view = new DataView(larger.buffer);
    }
    return at;
  }

  function byte(value: number): void {
    const at = room(1);
    view.setUint8(at, value);
  }

  function unsigned(value: number): void {
    let left = value;
    while (left >= 0x80) {
      byte((left % 0x80) + 0x80);
      left = Math.floor(left / 0x80);
    }
    byte(left);
  }

  return {
    byte,
    unsigned,
    uint16(value) {
      const at = room(2);
      view.setUint16(at, value);
    },
    uint64(value) {
      const at = room(8);
      view.setBigUint64(at, value);
    },
    signed(value) {
      let left = value < 0n ? -2n * value - 1n : 2n * value;
      while (left > BigInt(Number.MAX_SAFE_INTEGER)) {
        byte(Number(left & 0x7fn) + 0x80);
        left >>= 7n;
      }
      unsigned(Number(left));
    },
    done: () => new Uint8Array(view.buffer, 0, length),
  };
}

/** Reads what `byteWriter` wrote; throws a RangeError at the end of the bytes. */
export interface ByteReader {
  byte(): number;
  uint16(): number;
  uint64(): bigint;
  unsigned(): number;
  signed(): bigint;
}

export function byteReader(bytes: Uint8Array): ByteReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;

  function byte(): number {
    position += 1;
    return view.getUint8(position - 1);
  }

  return {
    byte,
    uint16() {
      position += 2;
      return view.getUint16(position - 2);
    },
    uint64() {
      position += 8;
      return view.getBigUint64(position - 8);
    },
    unsigned() {
      let value = 0;
      for (let scale = 1; ; scale *= 0x80) {
        const next = byte();
        value += (next & 0x7f) * scale;
        if (next < 0x80) return value;
      }
    },
    signed() {
      let small = 0;
      let large = 0n;
      for (let shift = 0; ; shift += 7) {
        const next = byte();
        // seven bytes are 49 bits, and exact as a number
        if (shift < 49) small += (next & 0x7f) * 2 ** shift;
        else large += BigInt(next & 0x7f) << BigInt(shift);
        if (next >= 0x80) continue;
        const value = large + BigInt(small);
        return value & 1n ? -((value + 1n) >> 1n) : value >> 1n;
      }
    },
  };
}

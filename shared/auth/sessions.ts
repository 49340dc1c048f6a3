import { createHash, randomBytes } from 'node:crypto';
import type { Storage, StoredRow } from '../storage/index.ts';
import type { Caller } from './caller.ts';

/*
 * Table `browsersessions`: who reads pages in a browser, which sends no token when it follows a link.
 *   PartitionKey  code | session
 *   RowKey        SHA-256 of the secret, as hexadecimal digits: whoever reads the table can open nothing
 *   Reads         one row by its secret; the range of a partition, to delete what has expired.
 */
export const sessionsTable = 'browsersessions';

/** Minutes in which a code opens its session; it is on its way from one window to another. */
export const codeMinutes = 10;
/** A working day. Roles that the tenant takes away meanwhile stay with the session. */
export const sessionHours = 8;

export interface Sessions {
  /** A code that opens one session in a place, once. */
  admit(place: string, caller: Caller): Promise<{ code: string; expires: Date }>;
  /** Uses a code up. Undefined: it is unknown, was used, or has expired. */
  open(code: string): Promise<{ place: string; secret: string } | undefined>;
  /** Whose session of a place it is. Undefined: it is unknown, of another place, or has expired. */
  caller(place: string, secret: string): Promise<Caller | undefined>;
  /** Deletes what has expired; answers how many. */
  sweep(): Promise<number>;
}

/** Opens the sessions; their table is made with the first use. A place is an environment's id. */
export function openSessions(storage: Storage, clock: () => number): Sessions {
  const table = async () => {
    await storage.ensure({ tables: [sessionsTable] });
    return storage.table(sessionsTable);
  };
  const make = async (kind: 'code' | 'session', place: string, caller: string, lifetime: number) => {
    const secret = randomBytes(32).toString('base64url');
    const expires = new Date(clock() + lifetime);
    await (await table()).insert({ partitionKey: kind, rowKey: keyOf(secret), place, caller, expires });
    return { secret, expires };
  };
  const find = async (kind: 'code' | 'session', secret: string) => {
    const row = await (await table()).read(kind, keyOf(secret));
    return row && expiryOf(row) > clock() ? row : undefined;
  };

  return {
    async admit(place, caller) {
      const { secret: code, expires } = await make(
        'code',
        place,
        JSON.stringify(caller),
        codeMinutes * 60_000,
      );
      return { code, expires };
    },
    async open(code) {
      const row = await find('code', code);
      if (!row) return undefined;
      const { ok } = await (await table()).remove('code', row.rowKey, row.etag);
      // another has used it in between
      if (!ok) return undefined;
      const place = String(row.place);
      const { secret } = await make('session', place, String(row.caller), sessionHours * 3_600_000);
      return { place, secret };
    },
    async caller(place, secret) {
      const row = await find('session', secret);
      if (row?.place !== place) return undefined;
      const caller: Caller = JSON.parse(String(row.caller));
      return caller;
    },
    async sweep() {
      let count = 0;
      for (const kind of ['code', 'session'])
        for await (const row of (await table()).range(kind)) {
          if (expiryOf(row) > clock()) continue;
          await (await table()).remove(kind, row.rowKey);
          count++;
        }
      return count;
    },
  };
}

const keyOf = (secret: string) => createHash('sha256').update(secret).digest('hex');

function expiryOf({ expires }: StoredRow): number {
  return expires instanceof Date ? expires.getTime() : 0;
}

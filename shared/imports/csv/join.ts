import { readInstant } from '../../events/instant.ts';
import type { Json, JsonObject } from '../../fql/index.ts';
import type { JoinRow } from '../read.ts';
import { fault, type Staged, stage } from '../staged.ts';
import { entityOf } from './entities.ts';

/** A row or event with where it came from, for its faults. */
export interface Joined {
  file: number;
  line: number;
  staged: Staged;
}

/**
 * Makes events of the rows that share an id: purchases with their instruments and products, account updates with addresses and
 * instruments, which go to the user's latest update. The rows come as sorted: events before their parts.
 */
export function joinRows(rows: readonly JoinRow[], now: number): Joined[] {
  const parts = { instrument: [] as JsonObject[], product: [] as JsonObject[], address: [] as JsonObject[] };
  const events: JoinRow[] = [];
  const orphans: JoinRow[] = [];
  for (const row of rows) {
    const part = entityOf(row.entity).joinedBy?.part;
    if (part === 'event') events.push(row);
    else if (events.length === 0) orphans.push(row);
    else if (part) {
      const { purchaseId: _, userId: __, ...rest } = row.body;
      parts[part].push(rest);
    }
  }
  const joined: Joined[] = orphans.map(({ entity, file, line }) => ({
    file,
    line,
    staged:
      entityOf(entity).type === 'Purchase'
        ? fault('purchaseId', 'no row of Purchases has this PurchaseId')
        : fault('userId', 'no row of UpdateAccount has this UserId'),
  }));
  const latest = latestOf(events);
  for (const [index, { entity, file, line, body }] of events.entries()) {
    const { type } = entityOf(entity);
    if (type === 'Purchase' && index > 0) {
      joined.push({
        file,
        line,
        staged: fault('purchaseId', 'another row of Purchases has the same PurchaseId'),
      });
      continue;
    }
    const whole = type === 'Purchase' || index === latest ? withParts(body, parts) : body;
    joined.push({ file, line, staged: stage(whole, { type }, { file, line }, now) });
  }
  return joined;
}

function withParts(
  body: JsonObject,
  parts: Record<'instrument' | 'product' | 'address', JsonObject[]>,
): JsonObject {
  return {
    ...body,
    ...list('paymentInstrumentList', body, parts.instrument),
    ...list('productList', body, parts.product),
    ...list('addressList', body, parts.address),
  };
}

/** What the event's own row says of the first part is kept beside what that part's row says. */
function list(name: string, body: JsonObject, own: readonly JsonObject[]): JsonObject {
  if (own.length === 0) return {};
  const said: Json = body[name] ?? [];
  const [first, ...others] = Array.isArray(said) ? said : [];
  const known = typeof first === 'object' && first !== null && !Array.isArray(first) ? first : {};
  return { [name]: own.map((part, index) => (index === 0 ? { ...known, ...part } : part)).concat(others) };
}

/** Place of the latest of several account updates. */
function latestOf(events: readonly JoinRow[]): number {
  let best = 0;
  let time = Number.NEGATIVE_INFINITY;
  for (const [index, { body }] of events.entries()) {
    const at = readInstant(body.merchantLocalDate) ?? readInstant(body.customerLocalDate) ?? time;
    if (at >= time) [best, time] = [index, at];
  }
  return best;
}

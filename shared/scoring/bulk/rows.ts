import { type BulkEntity, type ColumnPath, jsonColumns, keyColumns, pathOf, plainName } from './columns.ts';

/** A request body as one row of a file gives it; values are the cells' texts, which the wire readers convert. */
export type BulkBody = { [name: string]: unknown };

export type BulkRow = { ok: true; body: BulkBody } | { ok: false; column: string; message: string };

/** A header that does not do; the message says why. */
export class BulkHeaderError extends Error {}

interface Target {
  index: number;
  column: string;
  path: ColumnPath;
  json: boolean;
}

function put(body: BulkBody, path: ColumnPath, value: unknown): void {
  let place = body;
  for (const name of path.slice(0, -1)) {
    const next = place[name];
    const inner: BulkBody = isObject(next) ? next : {};
    place[name] = inner;
    place = inner;
  }
  place[path.at(-1) ?? ''] = value;
}

function isObject(value: unknown): value is BulkBody {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Makes the reader of a file's rows from its header. `mapping` gives, by DFP's attribute name, the name of the file's own column; columns
 * that are neither mapped nor attributes are kept under their own names. Throws BulkHeaderError where a column stands twice, a mapped
 * column is missing, or the key is.
 */
export function bulkRows(
  entity: BulkEntity,
  header: readonly string[],
  mapping: Readonly<Record<string, string>> = {},
): (cells: readonly string[]) => BulkRow {
  const names = header.map((name) => name.replace(/^\uFEFF/, '').trim());
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(plainName(name)))
      throw new BulkHeaderError(`The column ${name} stands twice in the header.`);
    seen.add(plainName(name));
  }
  const attributeOf = new Map(Object.entries(mapping).map(([attribute, own]) => [plainName(own), attribute]));
  for (const own of Object.values(mapping))
    if (!seen.has(plainName(own)))
      throw new BulkHeaderError(`The mapping names a column ${own} that the file does not have.`);
  const targets = names.map((name, index): Target => {
    const column = attributeOf.get(plainName(name)) ?? name;
    return { index, column, path: pathOf(entity, column), json: jsonColumns.has(plainName(column)) };
  });
  const key = keyColumns[entity];
  if (!targets.some(({ column }) => plainName(column) === plainName(key)))
    throw new BulkHeaderError(`A file of ${entity} needs a column ${key}; map it if it has another name.`);

  return (cells) => {
    if (cells.length !== names.length)
      return {
        ok: false,
        column: '',
        message: `has ${cells.length} cells where the header has ${names.length}`,
      };
    const body: BulkBody = {};
    for (const { index, column, path, json } of targets) {
      const cell = cells[index]!.trim();
      if (cell === '') continue;
      if (!json) {
        put(body, path, cell);
        continue;
      }
      try {
        const value: unknown = JSON.parse(cell);
        if (!isObject(value)) return { ok: false, column, message: 'is no JSON object' };
        put(body, path, value);
      } catch {
        return { ok: false, column, message: 'is no JSON' };
      }
    }
    // What a purchase's own file says of its payment instrument is about the first one.
    if (entity === 'Purchases' && isObject(body.paymentInstrumentList))
      body.paymentInstrumentList = [body.paymentInstrumentList];
    return { ok: true, body };
  };
}

/** One purchase with its payment instruments and products, as the wire API has them. */
export function joinPurchase(
  purchase: BulkBody,
  instruments: readonly BulkBody[],
  products: readonly BulkBody[],
): BulkBody {
  const bare = ({ purchaseId: _, ...rest }: BulkBody): BulkBody => rest;
  const own = Array.isArray(purchase.paymentInstrumentList) ? purchase.paymentInstrumentList : [];
  const first: unknown = own[0];
  const joined = instruments.map((one, index) =>
    index === 0 && isObject(first) ? { ...first, ...bare(one) } : bare(one),
  );
  const paymentInstrumentList =
    joined.length > 0 ? joined : own.map((one: unknown) => (isObject(one) ? { type: 'Other', ...one } : one));
  return {
    ...purchase,
    ...(paymentInstrumentList.length > 0 ? { paymentInstrumentList } : {}),
    ...(products.length > 0 ? { productList: products.map(bare) } : {}),
  };
}

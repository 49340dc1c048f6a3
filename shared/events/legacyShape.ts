/**
 * The v0.5 shape of the purchase family (WIRE.md 3.13): an envelope `{ MerchantLocalDate, Data: {…} }`, in which an
 * entity's identity stands beside a nested object with its details, and an event's links are objects of their own.
 */

const detailNames = new Set([
  'userdetails',
  'devicecontextdetails',
  'shippingaddressdetails',
  'billingaddressdetails',
  'addressdetails',
  'paymentinstrumentdetails',
  'productdetails',
]);

/** What may stand beside `Data`; a body with anything else is of today's shape, and its `data` the merchant's own. */
const envelopeNames = new Set(['merchantlocaldate', 'customerlocaldate', 'customdata', '_metadata']);

type Member = [name: string, value: unknown];

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const find = (body: object, name: string): unknown =>
  Object.entries(body).find(([key]) => key.toLowerCase() === name)?.[1];

/** Members of `first`, then those of `second` that it lacks, letter case aside. */
function merge(first: Member[], second: Member[]): Member[] {
  const names = new Set(first.map(([name]) => name.toLowerCase()));
  return [...first, ...second.filter(([name]) => !names.has(name.toLowerCase()))];
}

/** Own members only, `__proto__` included, as `Object.fromEntries` defines and never assigns. */
const toObject = (members: Member[]): object => Object.fromEntries(members);

/** Lifts the members of the detail objects into the entities they belong to, at the few levels where they occur. */
function hoist(value: unknown, depth = 0): unknown {
  if (depth > 6) return value;
  if (Array.isArray(value)) return value.map((item) => hoist(item, depth + 1));
  if (!isObject(value)) return value;
  const own: Member[] = [];
  let lifted: Member[] = [];
  for (const [name, member] of Object.entries(value)) {
    const flat = hoist(member, depth + 1);
    if (detailNames.has(name.toLowerCase()) && isObject(flat)) lifted = merge(lifted, Object.entries(flat));
    else own.push([name, flat]);
  }
  return toObject(merge(own, lifted));
}

/**
 * Gives a body of the purchase family in today's flat shape: unfolds the v0.5 envelope where there is one, and returns
 * any other body as it is. `links` names the linked objects whose ids the event carries at its root today
 * (`Purchase.PurchaseId` → `purchaseId`), with `Status` for the status object of a purchase status.
 */
export function unfoldEnvelope(
  body: object,
  links: readonly ('purchase' | 'user' | 'signup' | 'status')[] = [],
): unknown {
  const data = find(body, 'data');
  const envelope = Object.entries(body).filter(([name]) => name.toLowerCase() !== 'data');
  if (!isObject(data) || !envelope.every(([name]) => envelopeNames.has(name.toLowerCase()))) return body;
  const flat = hoist(data);
  let members = merge(isObject(flat) ? Object.entries(flat) : [], envelope);
  for (const link of links) {
    const linked = find(toObject(members), link);
    if (!isObject(linked)) continue;
    const rest = members.filter(([name]) => name.toLowerCase() !== link);
    members = merge(rest, Object.entries(linked));
  }
  return toObject(members);
}

import { type EventKey, receiptOf } from '../assessment/eventKeys.ts';
import type { StoredEvent } from '../assessment/record.ts';
import {
  type Api,
  apiOf,
  apis,
  type Capacity,
  type EnvironmentNode,
  type Snapshot,
} from '../config/index.ts';
import { Problem } from '../problem.ts';
import { type Counted, type Counts, receiptName } from './counts.ts';

/** What was used of one API in one month, by an environment and by it together with those below. */
export interface UsageLine {
  month: string;
  api: Api;
  assessments: number;
  withChildren: number;
  softLimit?: number;
  hardLimit?: number;
}

/** As much of a snapshot as this room looks at. */
type Chain = Pick<Snapshot, 'id' | 'root'> & {
  chain: readonly Pick<Snapshot['chain'][number], 'id' | 'capacity'>[];
};

export interface Usage {
  /**
   * Lets an assessment pass whose environment, and those above, have room for it. The caller tells by `release` that it is
   * over, stored or not. Throws a Problem 429 at a hard limit.
   */
  admit(snapshot: Chain, key: EventKey): Promise<{ release(): void }>;
  /** Takes notice of an event that this process has stored. */
  stored(event: Pick<StoredEvent, 'key' | 'root' | 'received'>): void;
  /** What answers in this environment have to warn of; undefined where there is room. From memory. */
  warning(snapshot: Chain, type: string): string | undefined;
  /** What was used in an environment in the months given, e.g. `2026-11`. */
  lines(snapshot: Chain, months: readonly string[]): Promise<UsageLine[]>;
}

/** What one process knows of one tree of environments. */
interface Known {
  loaded: number;
  /** by environment */
  counted: Map<string, Counted>;
  /** id → ids of those above */
  above: Map<string, readonly string[]>;
  /** receipts that the load found and that were not settled yet */
  seen: Set<string>;
  loading: Promise<void> | undefined;
}

/** An event of this process that the last load may have missed. */
interface Recent {
  environment: string;
  api: Api;
  month: string;
  /** number of the last load that had begun when it was stored */
  load: number;
}

/** Counts that are older than so many times the time between refreshes admit nobody. */
const oldest = 4;

/**
 * Watches capacities. Counts are exact; a limit is exact within a process, and other processes' assessments are known
 * after `refreshAfter` ms, at the latest after four times that: several instances together may pass a limit by what they admit in
 * that time. Trees without capacities cost nothing.
 */
export function openUsage(
  counts: Pick<Counts, 'of'>,
  environments: () => Promise<readonly EnvironmentNode[]>,
  now: () => number,
  refreshAfter = 15_000,
): Usage {
  const trees = new Map<string, Known>();
  /** by root, then by receipt */
  const recent = new Map<string, Map<string, Recent>>();
  /** how many of those, by environment, API and month */
  const fresh = new Map<string, number>();
  /** assessments that were admitted and are not stored yet, by event; and how many, by environment and API */
  const admitted = new Map<string, readonly string[]>();
  const underWay = new Map<string, number>();
  let loads = 0;

  const thisMonth = () => new Date(now()).toISOString().slice(0, 7);
  const watched = ({ chain }: Chain, api: Api) =>
    chain.flatMap(({ id, capacity }) => {
      const limits = capacity(api);
      return limits ? [{ id, limits }] : [];
    });
  const isOld = ({ loaded }: Known) => now() - loaded > oldest * refreshAfter;
  const freshKey = ({ environment, api, month }: Omit<Recent, 'load'>) => `${environment}|${api}|${month}`;

  async function load(root: string): Promise<void> {
    const number = ++loads;
    const nodes = below(await environments(), root);
    const seen = new Set<string>();
    const counted = new Map<string, Counted>();
    for (const { id } of nodes) counted.set(id, await counts.of(id, (name) => seen.add(name)));
    // what was stored before this load began is in it, and so is what it has seen
    const events = recent.get(root) ?? new Map<string, Recent>();
    for (const [name, one] of events) {
      if (one.load >= number && !seen.has(name)) continue;
      events.delete(name);
      add(fresh, freshKey(one), -1);
    }
    const above = new Map(nodes.map((node) => [node.id, node.above]));
    trees.set(root, { loaded: now(), counted, above, seen, loading: undefined });
  }

  /** What is known of a tree about whose limits nobody asks any more would grow with every event. */
  function forget(root: string): void {
    trees.delete(root);
    for (const one of recent.get(root)?.values() ?? []) add(fresh, freshKey(one), -1);
    recent.delete(root);
  }

  /** Loads where nothing is known, or nothing that still counts; refreshes in the background where that is not new. */
  async function refresh(root: string): Promise<void> {
    const state = trees.get(root) ?? {
      loaded: Number.NEGATIVE_INFINITY,
      counted: new Map(),
      above: new Map(),
      seen: new Set(),
      loading: undefined,
    };
    if (now() - state.loaded < refreshAfter) return;
    trees.set(root, state);
    state.loading ??= load(root).finally(() => {
      state.loading = undefined;
    });
    if (isOld(state)) return state.loading;
    // a refresh that fails is tried again by the next request
    state.loading.catch(() => {});
  }

  /** What an environment and those below it have used this month; assessments under way are not in it. */
  function used(root: string, environment: string, api: Api): number {
    const known = trees.get(root);
    if (!known) return 0;
    const month = thisMonth();
    let sum = 0;
    for (const [id, counted] of known.counted)
      if (id === environment || known.above.get(id)?.includes(environment))
        sum += (counted[api]?.[month] ?? 0) + (fresh.get(freshKey({ environment: id, api, month })) ?? 0);
    return sum;
  }

  function leave(name: string): void {
    for (const each of admitted.get(name) ?? []) add(underWay, each, -1);
    admitted.delete(name);
  }

  return {
    async admit(snapshot, key) {
      const api = apiOf(key.type);
      const limited = api ? watched(snapshot, api) : [];
      if (!api || limited.length === 0) return { release: () => {} };
      await refresh(snapshot.root);
      for (const { id, limits } of limited) {
        if (limits.hardLimit === undefined) continue;
        const taken = used(snapshot.root, id, api) + (underWay.get(`${id}|${api}`) ?? 0);
        if (taken >= limits.hardLimit) throw usedUp(api, limits.hardLimit, now());
      }
      const name = JSON.stringify(key);
      const places = snapshot.chain.map(({ id }) => `${id}|${api}`);
      for (const each of places) add(underWay, each, 1);
      admitted.set(name, places);
      return { release: () => leave(name) };
    },

    stored({ key, root, received }) {
      const api = apiOf(key.type);
      const known = trees.get(root);
      if (!api || !known) return;
      leave(JSON.stringify(key));
      if (!known.loading && isOld(known)) return forget(root);
      const name = receiptName(key, receiptOf(key, received));
      if (known.seen.has(name)) return;
      const one = { environment: key.environment, api, month: received.slice(0, 7), load: loads };
      const events = recent.get(root) ?? new Map<string, Recent>();
      recent.set(root, events.set(name, one));
      add(fresh, freshKey(one), 1);
    },

    warning(snapshot, type) {
      const api = apiOf(type);
      if (!api) return undefined;
      for (const { id, limits } of watched(snapshot, api)) {
        const figure = used(snapshot.root, id, api);
        if (limits.softLimit !== undefined && figure > limits.softLimit)
          return `${api}: ${figure} of ${limits.softLimit} assessments of ${thisMonth()} used`;
      }
      return undefined;
    },

    async lines(snapshot, months) {
      const nodes = below(await environments(), snapshot.root);
      const within = nodes.filter(({ id, above }) => id === snapshot.id || above.includes(snapshot.id));
      const own = await counts.of(snapshot.id);
      const all = [
        own,
        ...(await Promise.all(within.filter(({ id }) => id !== snapshot.id).map(({ id }) => counts.of(id)))),
      ];
      const limits = snapshot.chain.at(-1);
      return months.flatMap((each) =>
        apis.map((api): UsageLine => {
          const { softLimit, hardLimit }: Partial<Capacity> = limits?.capacity(api) ?? {};
          return {
            month: each,
            api,
            assessments: own[api]?.[each] ?? 0,
            withChildren: all.reduce((sum, counted) => sum + (counted[api]?.[each] ?? 0), 0),
            ...(softLimit === undefined ? {} : { softLimit }),
            ...(hardLimit === undefined ? {} : { hardLimit }),
          };
        }),
      );
    },
  };
}

interface Placed {
  id: string;
  above: readonly string[];
}

/** The environments of one tree, each with those above it. */
function below(nodes: readonly EnvironmentNode[], root: string): Placed[] {
  const flat = (node: EnvironmentNode, above: readonly string[]): Placed[] => [
    { id: node.id, above },
    ...node.children.flatMap((child) => flat(child, [...above, node.id])),
  ];
  return nodes.filter(({ id }) => id === root).flatMap((node) => flat(node, []));
}

function add(figures: Map<string, number>, key: string, by: number): void {
  const sum = (figures.get(key) ?? 0) + by;
  if (sum === 0) figures.delete(key);
  else figures.set(key, sum);
}

/** Until the month ends, but not longer than an hour: meanwhile somebody may have raised the limit. */
function usedUp(api: Api, limit: number, at: number): Problem {
  const today = new Date(at);
  const next = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1);
  return new Problem(
    429,
    'Too Many Requests',
    `The capacity of this month is used up: ${limit} assessments of the API ${api}.`,
    { code: 'CapacityUsedUp', retryAfter: Math.max(1, Math.min(3600, (next - at) / 1000)) },
  );
}

import type { StoredCounter } from './rows.ts';

/** The counters seen last, as a starting point for writes; whether one is still current, the service says by its etag. */
export interface CounterCache {
  /** null: there was no such counter; undefined: not known */
  get(partitionKey: string, rowKey: string): StoredCounter | null | undefined;
  /** Has no effect where a later state is known: a read may be overtaken by a write. */
  set(partitionKey: string, rowKey: string, counter: StoredCounter | null): void;
  forget(partitionKey: string, rowKey: string): void;
}

// what an entry costs beside its bytes, roughly
const overhead = 300;

/** Keeps up to `budget` bytes, those used last. */
export function counterCache(budget: number): CounterCache {
  const entries = new Map<string, StoredCounter | null>();
  let size = 0;
  const keyOf = (partitionKey: string, rowKey: string) => `${partitionKey}\n${rowKey}`;
  const costOf = (counter: StoredCounter | null) => overhead + (counter?.bytes.length ?? 0);

  function drop(key: string): void {
    const found = entries.get(key);
    if (found !== undefined && entries.delete(key)) size -= costOf(found);
  }

  return {
    get: (partitionKey, rowKey) => entries.get(keyOf(partitionKey, rowKey)),
    set(partitionKey, rowKey, counter) {
      const key = keyOf(partitionKey, rowKey);
      if ((entries.get(key)?.revision ?? 0) > (counter?.revision ?? 0)) return;
      drop(key);
      entries.set(key, counter);
      size += costOf(counter);
      for (const oldest of entries.keys()) {
        if (size <= budget) break;
        drop(oldest);
      }
    },
    forget: (partitionKey, rowKey) => drop(keyOf(partitionKey, rowKey)),
  };
}

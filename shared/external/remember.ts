export interface Remembered<T> {
  value: T;
  /** from then on it is loaded anew, while the old value still serves */
  refreshAt: number;
  /** from then on it no longer serves; both in milliseconds since 1970 */
  until: number;
}

/**
 * Remembers what was loaded for a key. Those who ask at once share one load; a failed load is not remembered, and a
 * refresh that fails leaves the old value until its end.
 */
export function remember<K, T>(
  load: (key: K) => Promise<Remembered<T>>,
  nameOf: (key: K) => string,
  now: () => number = Date.now,
): (key: K) => Promise<T> {
  const known = new Map<string, Remembered<T>>();
  const loading = new Map<string, Promise<T>>();

  function loadOnce(key: K, name: string): Promise<T> {
    const running = loading.get(name);
    if (running) return running;
    const started = load(key)
      .then((loaded) => {
        known.set(name, loaded);
        return loaded.value;
      })
      .finally(() => loading.delete(name));
    loading.set(name, started);
    return started;
  }

  return async (key) => {
    const name = nameOf(key);
    const held = known.get(name);
    if (held === undefined || now() >= held.until) return loadOnce(key, name);
    if (now() >= held.refreshAt) loadOnce(key, name).catch(() => {});
    return held.value;
  };
}

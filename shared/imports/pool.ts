/** Does the work for each, at most so many at once; stops at the first failure, when what is under way is over. */
export async function forEachAtOnce<T>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed: { error: unknown } | undefined;
  const worker = async () => {
    for (let next = left.next(); !next.done && !failed; next = left.next())
      try {
        await work(next.value);
      } catch (error) {
        failed ??= { error };
      }
  };
  await Promise.all(Array.from({ length: most }, worker));
  if (failed) throw failed.error;
}

/** As `forEachAtOnce`, with the results in the order of the items. */
export async function mapAtOnce<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>();
  await forEachAtOnce(items.entries(), most, async ([index, item]) => {
    results.set(index, await work(item));
  });
  return items.flatMap((_, index) => {
    const result = results.get(index);
    return result === undefined ? [] : [result];
  });
}

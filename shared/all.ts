/**
 * The results of all of these, in their order. As Promise.all, but all are waited for before the first failure is thrown, so that
 * nothing goes on behind a caller who was told it failed.
 */
export async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(work);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

import { setTimeout as timeout } from 'node:timers/promises';

/** Node's timers overflow beyond 24.8 days. */
const LONGEST = 2 ** 31 - 1;

/** Waits so many milliseconds, or until the signal is aborted; never rejects. Other work in the process need not wait for it. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  let left = milliseconds;
  while (left > 0 && !signal.aborted) {
    const part = Math.min(left, LONGEST);
    await timeout(part, undefined, { signal }).catch(() => undefined);
    left -= part;
  }
}

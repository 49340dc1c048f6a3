import type { Lease } from './types.ts';

/** A lease that is renewed by itself. */
export interface KeptLease {
  /** aborted as soon as another may hold the lease: its holder must stop */
  signal: AbortSignal;
  release(): Promise<void>;
}

/**
 * Keeps a lease while its holder works. It is lost when a renewal is refused, and when none has succeeded for so long that it may
 * have ended; a single one that storage does not answer says neither.
 */
export function keepLease(lease: Lease): KeptLease {
  const lost = new AbortController();
  // counted from before a renewal is asked for; the rest is for the answer that the lease was taken with
  const sureMs = lease.seconds * 800;
  let end = setTimeout(lose, sureMs).unref();
  const beat = setInterval(renew, lease.seconds * 250).unref();
  let over = false;

  async function renew(): Promise<void> {
    const began = performance.now();
    const held = await lease.renew().catch(() => undefined);
    if (over || held === undefined) return;
    if (!held) return lose();
    clearTimeout(end);
    end = setTimeout(lose, sureMs - (performance.now() - began)).unref();
  }

  function stop(): void {
    over = true;
    clearTimeout(end);
    clearInterval(beat);
  }

  function lose(): void {
    stop();
    lost.abort(new Error('The lease is lost: another may hold it.'));
  }

  return {
    signal: lost.signal,
    async release() {
      stop();
      await lease.release();
    },
  };
}

import { Problem } from '../problem.ts';

/** What an assessment cannot do without. */
export interface Probes {
  /** reads something, whatever it is, from tables and from blobs; throws where storage is out of reach */
  storage(): Promise<void>;
  /** loads the configuration of the default environment; throws a Problem where there is none */
  snapshot(): Promise<void>;
}

export interface Readiness {
  ready: boolean;
  /** what is missing, in words that tell nothing of names, addresses or secrets */
  missing: string[];
}

/**
 * Can this process assess? Each probe has `patience` ms. The outcome is kept for `keepFor` ms, and callers at the same time
 * share it, so that asking costs storage next to nothing however often it is done: nobody needs credentials to ask.
 */
export function openReadiness(
  probes: Probes,
  {
    patience = 5_000,
    keepFor = 1_000,
    now = Date.now,
  }: { patience?: number; keepFor?: number; now?: () => number } = {},
): () => Promise<Readiness> {
  let last: { asked: number; outcome: Promise<Readiness> } | undefined;

  async function ask(): Promise<Readiness> {
    const checks = await Promise.all([
      missingOf(probes.storage, () => 'storage is out of reach'),
      missingOf(probes.snapshot, (error) =>
        error instanceof Problem && error.status === 404
          ? 'there is no environment yet'
          : 'the configuration is not loaded',
      ),
    ]);
    const missing = checks.filter((check) => check !== undefined);
    return { ready: missing.length === 0, missing };
  }

  async function missingOf(
    probe: () => Promise<void>,
    words: (error: unknown) => string,
  ): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), patience);
    });
    try {
      await Promise.race([probe(), late]);
      return undefined;
    } catch (error) {
      return words(error);
    } finally {
      clearTimeout(timer);
    }
  }

  return () => {
    if (!last || now() - last.asked >= keepFor) last = { asked: now(), outcome: ask() };
    return last.outcome;
  };
}

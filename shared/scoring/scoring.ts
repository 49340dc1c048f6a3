import type { Storage } from '../storage/index.ts';
import { type EventScorers, eventScorers } from './eventScorers.ts';
import { type HistoryStore, openHistories } from './historyStore.ts';
import { type ModelKind, modelEvents } from './model.ts';
import { type ModelFollower, type ModelStore, openModelStore } from './modelStore.ts';
import { loadScorecard } from './scorecard.ts';
import type { Directories } from './scorecardFacts.ts';

/**
 * Everything that scores. Models and histories belong to a root environment and serve its whole tree: a customer, a card or a
 * device is the same in all of its environments, and those below it have rarely frauds enough to learn from alone.
 */
export interface Scoring {
  histories: HistoryStore;
  models: ModelStore;
  directories: Directories;
  /**
   * Looks, now and then and in the background, whether other models are in force for a root environment. Waits for that only where this
   * process has not looked before; never rejects.
   */
  freshen(root: string): Promise<void>;
  /** The scorers of a root environment, as of what `freshen` last found; scorecards alone before that. */
  of(root: string): EventScorers;
  /** Why a model that was put in force is not used here, by kind; the one before it is. */
  problems(root: string): Partial<Record<ModelKind, string>>;
}

export interface ScoringOptions {
  warn(message: string): void;
  /** ms on a clock that does not jump; that of the process where absent */
  elapsed?(): number;
  /** ms after which a use looks for other models */
  refreshAfter?: number;
}

interface Root {
  followers: Record<ModelKind, ModelFollower>;
  scorers: EventScorers;
  problems: Partial<Record<ModelKind, string>>;
  checked: number | undefined;
  refreshing: Promise<void> | undefined;
}

const kinds = Object.keys(modelEvents).filter((kind): kind is ModelKind => kind in modelEvents);

/** Opens the scorers. The tables of `historyTable` and the containers of `modelNames` must exist. */
export async function openScoring(storage: Storage, options: ScoringOptions): Promise<Scoring> {
  const { warn, elapsed = () => performance.now(), refreshAfter = 5_000 } = options;
  const scorecard = await loadScorecard();
  const { directories } = await import('./scorecardDirectories.ts');
  const models = openModelStore(storage);
  const roots = new Map<string, Root>();

  function rootOf(environment: string): Root {
    const known = roots.get(environment);
    if (known) return known;
    const follow = (kind: ModelKind) => models.follow({ environment, kind });
    const made: Root = {
      followers: { risk: follow('risk'), bot: follow('bot') },
      scorers: eventScorers(scorecard, {}, directories),
      problems: {},
      checked: undefined,
      refreshing: undefined,
    };
    roots.set(environment, made);
    return made;
  }

  async function look(environment: string, root: Root): Promise<void> {
    const looks = kinds.map(async (kind) => {
      const { changed, problem } = await root.followers[kind].refresh().catch((error: unknown) => {
        warn(
          `Whether there is another ${kind} model of ${environment} could not be found out: ${String(error)}`,
        );
        return { changed: false, problem: root.problems[kind] };
      });
      if (problem !== undefined && problem !== root.problems[kind])
        warn(`A ${kind} model of ${environment} is not used, the one before it is: ${problem}`);
      return { kind, changed, problem };
    });
    const found = await Promise.all(looks);
    root.problems = Object.fromEntries(
      found.flatMap(({ kind, problem }) => (problem === undefined ? [] : [[kind, problem]])),
    );
    if (!found.some(({ changed }) => changed)) return;
    // made whole before it takes the place of what scores now
    const { risk, bot } = root.followers;
    root.scorers = eventScorers(scorecard, { risk: risk.current(), bot: bot.current() }, directories);
  }

  function refresh(environment: string, root: Root): Promise<void> {
    root.refreshing ??= look(environment, root).finally(() => {
      root.checked = elapsed();
      root.refreshing = undefined;
    });
    return root.refreshing;
  }

  return {
    histories: openHistories(storage, directories),
    models,
    directories,
    async freshen(environment) {
      const root = rootOf(environment);
      if (root.checked === undefined) await refresh(environment, root);
      else if (elapsed() - root.checked > refreshAfter) void refresh(environment, root);
    },
    of: (environment) => rootOf(environment).scorers,
    problems: (environment) => rootOf(environment).problems,
  };
}

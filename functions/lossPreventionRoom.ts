import type { App } from '../shared/assessment/app.ts';
import { type LossPrevention, openLossPrevention, type RunEnd } from '../shared/lossPrevention/index.ts';
import { Problem } from '../shared/problem.ts';
import { dashboardPath } from './dashboardPages.ts';

const opened = new WeakMap<App, LossPrevention>();

/** Loss prevention of an app, opened with the first use. */
export function lossPreventionOf(app: App): LossPrevention {
  const known = opened.get(app);
  if (known) return known;
  const { memoryBytes, folder } = app.settings.lossPrevention;
  const room = openLossPrevention(app.storage, {
    clock: () => new Date(app.clock()),
    memoryBytes,
    ...(folder === undefined ? {} : { temporary: folder }),
    ended: (end) => settle(app, end),
  });
  opened.set(app, room);
  return room;
}

/** Counts what a run has read, and tells those who subscribed how it ended. Both do no harm when they are done again. */
async function settle(app: App, { environment, record, read }: RunEnd): Promise<void> {
  for (const { run, month, transactions } of read)
    await app.counts.addBatch(environment, 'lossPrevention', month, run, transactions);
  const { id, status, by, reason, started, finished, summary } = record;
  await app.calls.external.tell([
    {
      id: `lossPrevention|${environment}|${id}|${status}`,
      environments: await chainOf(app, environment),
      at: finished ?? new Date(app.clock()).toISOString(),
      run: {
        environmentId: environment,
        runId: id,
        requestedBy: by,
        status: status === 'succeeded' ? 'succeeded' : 'failed',
        ...(reason === undefined ? {} : { reason: reason.slice(0, 1000) }),
        ...(started === undefined ? {} : { startedAt: started }),
        ...(summary
          ? {
              firstMonth: summary.months.at(0),
              lastMonth: summary.months.at(-1),
              transactions: summary.transactions,
              transactionsRead: summary.transactionsRead,
              rowsRejected: summary.rejects,
              filesLeftOut: summary.problems.length,
              flagged: { ...summary.flagged },
              dashboard: `${dashboardPath(environment)}index.html`,
            }
          : {}),
      },
    },
  ]);
}

/** The environment and those above it; itself alone where it is gone. */
async function chainOf(app: App, environment: string): Promise<string[]> {
  try {
    return ((await app.config.environmentChain(environment)) ?? [environment]).toReversed();
  } catch {
    return [environment];
  }
}

/** Throws a Problem 429 where a hard limit for loss prevention, of the environment or one above it, is used up this month. */
export async function demandCapacity(app: App, environment: string): Promise<void> {
  const snapshot = await app.config.snapshot(environment);
  const month = new Date(app.clock()).toISOString().slice(0, 7);
  for (const { id, capacity } of snapshot.chain) {
    const hardLimit = capacity('lossPrevention')?.hardLimit;
    if (hardLimit === undefined) continue;
    const lines = await app.usage.lines(await app.config.snapshot(id), [month]);
    const used = lines.find(({ api }) => api === 'lossPrevention')?.withChildren ?? 0;
    if (used >= hardLimit)
      throw new Problem(
        429,
        'Too Many Requests',
        `The capacity of this month is used up: ${used} of ${hardLimit} transactions were read.`,
        { code: 'CapacityUsedUp', retryAfter: 3600 },
      );
  }
}

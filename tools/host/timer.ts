/** Timer triggers, run as the runtime runs them (github.com/Azure/azure-webjobs-sdk-extensions, `TimerListener`, `ScheduleMonitor`). */
import type { App, AppFunction } from './core.ts';
import { errorText, type Log } from './log.ts';
import { DefinitionError, parseSchedule, type Schedule } from './ncrontab.ts';
import { pause } from './pause.ts';
import { type Retry, readRetry } from './retry.ts';
import type { HostStorage } from './storage.ts';

export interface TimerDefinition {
  readonly target: AppFunction;
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
  /** whether its status is stored, so that a run missed while no host ran is made up for, once */
  readonly monitored: boolean;
  readonly retry: Retry | undefined;
}

/** When a timer last ran and should run next, milliseconds since 1970; `last` 0 where it never has. */
export interface ScheduleStatus {
  readonly last: number;
  readonly next: number;
  readonly lastUpdated: number;
}

/** The timers of an app, `%SETTING%` schedules resolved, and what is wrong with them. */
export function readTimers(
  functions: readonly AppFunction[],
  settings: Readonly<Record<string, string | undefined>>,
): { timers: TimerDefinition[]; errors: string[]; warnings: string[] } {
  const timers: TimerDefinition[] = [];
  const errors: string[] = [];
  const warnings: string[] = [];
  for (const target of functions) {
    if (target.trigger.type.toLowerCase() !== 'timertrigger') continue;
    try {
      const schedule = parseSchedule(resolve(String(target.trigger.schedule ?? ''), settings));
      if (schedule.kind === 'interval')
        warnings.push(
          `function ${target.name}: a TimeSpan schedule works on App Service plans only; write it in NCRONTAB for Flex Consumption`,
        );
      timers.push({
        target,
        schedule,
        runOnStartup: target.trigger.runOnStartup === true,
        monitored: target.trigger.useMonitor !== false && !schedule.subMinute,
        retry: readRetry(target.metadata.retryOptions),
      });
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      errors.push(`function ${target.name}: ${error.message}`);
    }
  }
  return { timers, errors, warnings };
}

/**
 * Replaces each `%NAME%` by the setting of that name, whatever the case of its letters.
 * @throws DefinitionError where there is no such setting
 */
export function resolve(text: string, settings: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/%([^%]+)%/g, (_whole, name: string) => {
    const key = Object.keys(settings).find((one) => one.toLowerCase() === name.toLowerCase());
    const value = key === undefined ? undefined : settings[key];
    if (value === undefined)
      throw new DefinitionError(`there is no setting '${name}', which '${text}' names`);
    return value;
  });
}

/**
 * The status a timer begins with: what was stored, unless the schedule has changed since (or nothing was), and whether
 * a run was missed. `changed`: it must be stored.
 */
export function startStatus(
  schedule: Schedule,
  stored: ScheduleStatus | undefined,
  now: number,
): { status: ScheduleStatus; pastDue: boolean; changed: boolean } {
  const next = (after: number) => schedule.next(after) ?? Number.MAX_SAFE_INTEGER;
  if (stored === undefined)
    return { status: { last: 0, next: next(now), lastUpdated: now }, pastDue: false, changed: true };
  const based = stored.last || stored.lastUpdated || now;
  const expected = next(based);
  if (stored.next === expected) return { status: stored, pastDue: now > stored.next, changed: false };
  // another schedule than the status was made with: what it would have done in the past does not count
  const from = now > expected ? now : based;
  return { status: { last: 0, next: next(from), lastUpdated: from }, pastDue: false, changed: true };
}

/** Runs a timer until `signal`; a run under way is waited for. Only one host at a time runs a timer: it holds a lease. */
export function runTimer(
  app: App,
  timer: TimerDefinition,
  storage: HostStorage,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { name } = timer.target;
  return storage.whileLeased(`Host.Functions.${name}.Listener`, signal, (held) =>
    listen(app, timer, storage, log, held),
  );
}

async function listen(
  app: App,
  timer: TimerDefinition,
  storage: HostStorage,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { target, schedule, monitored } = timer;
  const blob = `Host.Functions.${target.name}/status`;
  const store = async (status: ScheduleStatus) => {
    if (!monitored) return;
    await storage.writeText(blob, statusText(status)).catch((error: unknown) => {
      log({
        level: 'error',
        function: target.name,
        message: `its timer status was not stored: ${errorText(error)}`,
      });
    });
  };
  const stored = monitored ? readStatus(await storage.readText(blob)) : undefined;
  const start = startStatus(schedule, stored, Date.now());
  let { status } = start;
  if (start.changed) await store(status);

  let due: 'past due' | 'on startup' | 'scheduled' = start.pastDue
    ? 'past due'
    : timer.runOnStartup
      ? 'on startup'
      : 'scheduled';
  while (!signal.aborted) {
    if (due === 'scheduled') await pause(status.next - Date.now(), signal);
    if (signal.aborted) return;
    const began = Date.now();
    const info = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: monitored ? statusJson(status) : null,
      IsPastDue: due === 'past due',
    };
    await run(app, timer, JSON.stringify(info), log, signal);
    // a timer of Node may fire a little early; the same occurrence must not come twice
    const at = due === 'scheduled' ? Math.max(began, status.next) : began;
    status = { last: at, next: schedule.next(at) ?? Number.MAX_SAFE_INTEGER, lastUpdated: at };
    await store(status);
    due = 'scheduled';
  }
}

async function run(
  app: App,
  { target, retry }: TimerDefinition,
  json: string,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  let failure: unknown;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const exception = failure === undefined ? {} : { exception: { message: errorText(failure) } };
      const retryContext = retry && { retryCount: attempt, maxRetryCount: retry.limit, ...exception };
      await app.invoke(target, { data: { json }, ...(retryContext && { retryContext }) });
      return;
    } catch (error) {
      failure = error;
      log({ level: 'error', function: target.name, message: `failed: ${errorText(error)}` });
    }
    if (retry === undefined || attempt === retry.limit || signal.aborted) return;
    await pause(retry.delay(attempt + 1), signal);
    if (signal.aborted) return;
  }
}

const time = (milliseconds: number) =>
  milliseconds === 0
    ? '0001-01-01T00:00:00Z'
    : new Date(Math.min(milliseconds, Date.UTC(9999, 11, 31))).toISOString();

function statusJson({ last, next, lastUpdated }: ScheduleStatus): object {
  return { Last: time(last), Next: time(next), LastUpdated: time(lastUpdated) };
}

function statusText(status: ScheduleStatus): string {
  return JSON.stringify(statusJson(status));
}

/** A status the host stored, or the runtime; undefined where it cannot be read, which begins anew. */
function readStatus(text: string | undefined): ScheduleStatus | undefined {
  if (text === undefined) return undefined;
  try {
    const { Last, Next, LastUpdated }: Record<string, string> = JSON.parse(text);
    const read = (value: string | undefined) => Math.max(0, Date.parse(value ?? ''));
    const status = { last: read(Last), next: read(Next), lastUpdated: read(LastUpdated) };
    return Object.values(status).some(Number.isNaN) ? undefined : status;
  } catch {
    return undefined;
  }
}

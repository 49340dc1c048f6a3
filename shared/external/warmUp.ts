/** Pings the keep-alive URLs of calls that nobody uses just now, so that the next assessment finds a warm service. */
import { encodeKey, type Row, type Storage } from '../storage/index.ts';
import { type Sender, within } from './call.ts';
import type { ExternalCall } from './definition.ts';
import type { Metrics } from './metrics.ts';
import { errorText } from './outcome.ts';

export interface WarmCall {
  environment: string;
  name: string;
  definition: ExternalCall;
}

export interface WarmUpOptions {
  metrics: Pick<Metrics, 'traffic'>;
  sender: Pick<Sender, 'ping'>;
  /** Whether this instance is calling it at this moment. */
  busy?: (environment: string, name: string) => boolean;
  /** milliseconds between pings; default three minutes, which is shorter than any common idle time-out */
  intervalMs?: number;
  /** A call with at least so many requests within an interval is in use. Default 1. */
  threshold?: number;
  now?: () => number;
  warn?: (message: string) => void;
}

export type WarmUpResult = 'pinged' | 'failed' | 'in use' | 'not due' | 'off';

export interface WarmUpState {
  /** start of the last ping */
  at: Date;
  /** undefined while the ping is under way, or where its instance ended before the ping did */
  success?: boolean;
  httpStatusCode?: number;
  error?: string;
  latencyMs?: number;
  /** pings that failed in a row */
  failures: number;
}

export interface WarmUp {
  /** One turn of the timer. Instances that run at once share the work: each call is pinged once per interval. */
  run(calls: Iterable<WarmCall>): Promise<WarmUpResult[]>;
  state(environment: string, name: string): Promise<WarmUpState | undefined>;
}

const table = 'externalwarmup';
const pingMs = 5000;

/**
 * The table `externalwarmup`: PartitionKey environment, RowKey call, one row each: the interval last pinged in, and how the
 * ping ended. Who writes the interval first (by ETag) pings. A ping is no call: it passes no breaker and counts nowhere.
 */
export function openWarmUp(storage: Storage, options: WarmUpOptions): WarmUp {
  const now = options.now ?? Date.now;
  const intervalMs = options.intervalMs ?? 180_000;
  const rows = storage.table(table);
  const keys = (environment: string, name: string) => ({
    partitionKey: encodeKey(environment),
    rowKey: encodeKey(name.toLowerCase()),
  });

  async function one({ environment, name, definition }: WarmCall): Promise<WarmUpResult> {
    if (!definition.warmUp || definition.keepAliveUrl === undefined) return 'off';
    const key = keys(environment, name);
    const time = now();
    const interval = Math.floor(time / intervalMs);
    const last = await rows.read(key.partitionKey, key.rowKey);
    if (last && numberOf(last.interval) >= interval) return 'not due';
    if (await inUse(environment, name, time)) return 'in use';
    const failures = numberOf(last?.failures);
    const claim: Row = { ...key, interval, at: new Date(time), failures };
    const claimed = last ? await rows.put(claim, last.etag) : await rows.insert(claim);
    if (!claimed.ok) return 'not due';

    const url = new URL(definition.keepAliveUrl);
    const started = performance.now();
    const outcome = await within(pingMs, (signal) => options.sender.ping(url, signal));
    const latencyMs = Math.round(performance.now() - started);
    const success = outcome.status === 'Success';
    const error = errorText(outcome);
    const { httpStatusCode } = outcome;
    const result = { success, httpStatusCode, error, latencyMs, failures: success ? 0 : failures + 1 };
    await rows.merge({ ...key, ...result }, claimed.etag);
    if (!success) options.warn?.(`warm-up of external call ${name} in ${environment} failed: ${error}`);
    return success ? 'pinged' : 'failed';
  }

  async function inUse(environment: string, name: string, time: number): Promise<boolean> {
    if (options.busy?.(environment, name)) return true;
    return (await options.metrics.traffic(environment, name, time - intervalMs)) >= (options.threshold ?? 1);
  }

  return {
    async run(calls) {
      const wanted = [...calls];
      if (wanted.length === 0) return [];
      await storage.ensure({ tables: [table] });
      return Promise.all(wanted.map(one));
    },
    async state(environment, name) {
      await storage.ensure({ tables: [table] });
      const { partitionKey, rowKey } = keys(environment, name);
      const row = await rows.read(partitionKey, rowKey);
      if (!(row?.at instanceof Date)) return undefined;
      return {
        at: row.at,
        failures: numberOf(row.failures),
        ...(typeof row.success === 'boolean' ? { success: row.success } : {}),
        ...(typeof row.httpStatusCode === 'number' ? { httpStatusCode: row.httpStatusCode } : {}),
        ...(typeof row.error === 'string' && row.error !== '' ? { error: row.error } : {}),
        ...(typeof row.latencyMs === 'number' ? { latencyMs: row.latencyMs } : {}),
      };
    },
  };
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

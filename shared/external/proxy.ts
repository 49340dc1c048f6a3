/** What the routes of external calls read and answer, apart from HTTP. */
import { z } from 'zod';
import { Problem, type ProblemError } from '../problem.ts';
import type { ExternalCall } from './definition.ts';
import { quantile, upTo } from './histogram.ts';
import { type Grain, grainMs, keptDays, type Period } from './metrics.ts';
import { merge, newTally, type Tally } from './tally.ts';

const argumentsSchema = z.union([
  z.array(z.union([z.string(), z.number(), z.boolean()])),
  z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
]);

/** Body of `POST …/test`: a definition that is not saved, and arguments; the samples of the parameters where absent. */
export const testSchema = z.strictObject({
  definition: z.unknown().optional(),
  arguments: argumentsSchema.optional(),
});

/** Body of `POST …/invoke`. */
export const invokeSchema = z.strictObject({
  arguments: argumentsSchema.default({}),
  correlationId: z.string().max(200).default(''),
});

/**
 * Arguments in the order of the parameters, from a list in that order or an object by name (in any letter case). What is
 * absent is `missing`'s: a parameter's sample for a test, nothing for a call.
 * @throws Problem 400 for an argument that the call does not have
 */
export function readArguments(
  { parameters }: ExternalCall,
  given: z.output<typeof argumentsSchema> | undefined,
  missing: 'sample' | 'empty',
): string[] {
  const value = (index: number, found: string | number | boolean | undefined) =>
    found === undefined ? (missing === 'sample' ? (parameters[index]?.sample ?? '') : '') : String(found);
  if (given === undefined) return parameters.map((_, index) => value(index, undefined));
  if (Array.isArray(given)) {
    if (given.length > parameters.length)
      throw unusable([{ path: 'arguments', message: `the call has ${parameters.length} parameters` }]);
    return parameters.map((_, index) => value(index, given[index]));
  }
  const byName = new Map(Object.entries(given).map(([name, one]) => [name.toLowerCase(), one]));
  const known = new Set(parameters.map(({ name }) => name.toLowerCase()));
  const unknown = Object.keys(given).filter((name) => !known.has(name.toLowerCase()));
  if (unknown.length > 0)
    throw unusable(
      unknown.map((name) => ({ path: `arguments.${name}`, message: 'the call has no such parameter' })),
    );
  return parameters.map(({ name }, index) => value(index, byName.get(name.toLowerCase())));
}

export interface MetricsQuery {
  /** milliseconds since 1970 */
  from: number;
  to: number;
  grain: Grain;
}

const mostPeriods = 3000;

/**
 * Reads `from`, `to` (ISO 8601; the last 24 hours where absent) and `grain` (`minute`, `hour`, `day`; the finest that
 * gives at most 400 points where absent). No more than 3,000 periods at once, none older than 90 days.
 * @throws Problem 400
 */
export function readMetricsQuery(query: URLSearchParams, now: number): MetricsQuery {
  const errors: ProblemError[] = [];
  const time = (name: string, otherwise: number) => {
    const text = query.get(name);
    if (text === null || text === '') return otherwise;
    const parsed = z.iso.datetime({ offset: true }).safeParse(text);
    if (parsed.success) return Date.parse(text);
    errors.push({
      path: name,
      message: 'a date and time of ISO 8601 with its offset, e.g. 2026-11-21T10:00:00Z',
    });
    return otherwise;
  };
  const to = Math.min(time('to', now), now);
  const from = Math.max(time('from', to - grainMs.day), now - keptDays * grainMs.day);
  const given = query.get('grain');
  const finest =
    (['minute', 'hour', 'day'] as const).find((one) => (to - from) / grainMs[one] <= 400) ?? 'day';
  const grain =
    given === null || given === '' ? finest : z.enum(['minute', 'hour', 'day']).safeParse(given).data;
  if (grain === undefined) errors.push({ path: 'grain', message: 'minute, hour or day' });
  else if ((to - from) / grainMs[grain] > mostPeriods)
    errors.push({ path: 'grain', message: `gives more than ${mostPeriods} periods; take a coarser one` });
  if (from >= to) errors.push({ path: 'from', message: 'is not before to' });
  if (errors.length > 0 || grain === undefined) throw unusable(errors);
  return { from, to, grain };
}

/** What `GET …/metrics` answers: the sum of all periods, then each period that had traffic. Latencies are milliseconds. */
export function metricsAnswer({ from, to, grain }: MetricsQuery, periods: readonly Period[]) {
  const total = newTally();
  for (const { tally } of periods) merge(total, tally);
  const histogram = [...total.latencies]
    .sort(([a], [b]) => a - b)
    .map(([bucket, count]) => ({ upTo: rounded(upTo(bucket)), count }));
  const rules = [...total.rules].map(([key, { requests, errors }]) => {
    const [rule, clause]: [string, string] = JSON.parse(key);
    return { rule, clause, requests, errors: errorsOf(errors) };
  });
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    grain,
    total: {
      ...figures(total),
      requestsPerSecond: rounded(total.requests / ((to - from) / 1000)),
      histogram,
    },
    rules: rules.sort((a, b) => b.requests - a.requests),
    periods: periods.map(({ start, tally }) => ({ start: new Date(start).toISOString(), ...figures(tally) })),
  };
}

function figures(tally: Tally) {
  const sent = [...tally.latencies.values()].reduce((sum, count) => sum + count, 0);
  return {
    requests: tally.requests,
    successes: tally.successes,
    successRate: tally.requests === 0 ? null : rounded(tally.successes / tally.requests),
    latency:
      sent === 0
        ? null
        : {
            average: rounded(tally.latencySum / sent),
            p50: rounded(quantile(tally.latencies, 0.5)),
            p95: rounded(quantile(tally.latencies, 0.95)),
            p99: rounded(quantile(tally.latencies, 0.99)),
            max: tally.latencyMax,
          },
    errors: errorsOf(tally.errors),
  };
}

function errorsOf(errors: ReadonlyMap<string, number>) {
  return [...errors].map(([key, count]) => {
    const [kind = '', code] = key.split('|');
    return { kind, code: Number(code), count };
  });
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function unusable(errors: ProblemError[]): Problem {
  const faults = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return Problem.badRequest(`The request is not usable: ${faults}.`, { code: 'InvalidRequest', errors });
}

/** External calls of rules: from a definition and its arguments to a response, diagnostics, metrics and events. */
import type { Json } from '../problem.ts';
import type { Storage } from '../storage/index.ts';
import type { Azure } from './azure.ts';
import { type BreakerOptions, type BreakerState, openBreakers } from './breaker.ts';
import { answeredLimit, openSender, within } from './call.ts';
import type { ExternalCall } from './definition.ts';
import type { CallTrace, Traced, TracedRun } from './events.ts';
import { type FenceOptions, openFence } from './fence.ts';
import { type Metrics, openMetrics } from './metrics.ts';
import { type Monitoring, type MonitoringOptions, openMonitoring } from './monitoring.ts';
import { CallError, type ErrorKind, errorText, failed, failure, type Outcome } from './outcome.ts';
import { type Redactor, redactor } from './redact.ts';
import { buildRequest, type OutgoingRequest } from './request.ts';
import { type DefinitionRead, openSecrets, originOf, readDefinition, type SecretStore } from './secrets.ts';
import { openWarmUp, type WarmUp, type WarmUpOptions } from './warmUp.ts';

export interface ExternalOptions {
  fence?: FenceOptions;
  /** further certificate authorities, PEM */
  certificateAuthorities?: readonly string[];
  /** connections to one host at a time; default 128 */
  connections?: number;
  breaker?: Omit<BreakerOptions, 'onChange'>;
  /** tokens and Key Vault; without it, definitions that need them fail with `AADFailure` or `UnknownFailure` */
  azure?: Omit<Azure, 'self'>;
  /** who gets events; nobody where absent */
  monitoring?: Pick<MonitoringOptions, 'subscriptions' | 'tenantId'>;
  warmUp?: Pick<WarmUpOptions, 'intervalMs' | 'threshold'>;
  /** milliseconds from a call to the writing of its metrics; default 10,000; 0: only `flush` writes */
  flushMs?: number;
  /** where warnings go: breakers that open, pings that fail, events that cannot be sent */
  warn?: (message: string) => void;
  now?: () => number;
  /** name of this process in rows; made up where absent */
  instance?: string;
}

/** Who calls, for metrics. Empty rule and clause: a client, by `invoke`. */
export interface CallContext {
  /** the call's name, as the environment writes it */
  name: string;
  correlationId: string;
  assessment: string;
  rule: string;
  clause: string;
}

/** What `GetDiagnostics()` shows. */
export interface CallDiagnostics {
  /** the body of a POST, the URL of a GET; secrets are replaced */
  request: string;
  /** the URL without its query */
  endpoint: string;
  /** 0 where no complete answer came */
  httpStatusCode: number;
  /** `Timeout: no complete answer within 200 ms`; empty where the call succeeded */
  errorMessage: string;
  /** milliseconds, whole */
  latency: number;
}

export interface CallResult {
  /** the answer, or the definition's default response */
  response: Json;
  /** present where the default response was used */
  failed?: { code: ErrorKind; message: string };
  diagnostics: CallDiagnostics;
  trace: CallTrace;
}

export interface TestResult {
  success: boolean;
  httpStatusCode: number;
  latencyMs: number;
  response?: Json;
  error?: { kind: ErrorKind; message: string };
  /** what a failed call was answered */
  answered?: string;
  request: { method: string; url: string; body?: string };
}

export interface External {
  /**
   * Calls, within the definition's time-out; never throws. Undefined as definition: it is gone, though a rule uses it. Whoever
   * calls tells of it, when it is safe that it will not be forgotten (`tell`).
   * @param args in the order of the parameters
   */
  invoke(
    environment: string,
    definition: ExternalCall | undefined,
    args: readonly string[],
    context: CallContext,
  ): Promise<CallResult>;
  /** Tries a definition, stored or just read: the same fence and time-out, but neither breaker nor metrics nor events. */
  test(environment: string, name: string, read: Tested, args: readonly string[]): Promise<TestResult>;
  /** Reads what a client sends as a definition; see `readDefinition`. */
  read(input: unknown): DefinitionRead;
  secrets: SecretStore;
  metrics: Pick<Metrics, 'query' | 'flush' | 'sweep'>;
  warmUp: WarmUp;
  breaker(environment: string, name: string): BreakerState;
  /** Sends the events of calls to the queue, for those who subscribed; see `Monitoring`. */
  tell: Monitoring['tell'];
  /** The queue's trigger: hands a message's events to their subscriber. */
  deliver: Monitoring['deliver'];
  /** Writes metrics and sends events that wait. */
  flush(): Promise<void>;
  /** Flushes, and closes the connections. */
  close(): Promise<void>;
}

export type Tested = Pick<DefinitionRead, 'definition'> & Partial<DefinitionRead>;

/** Opens external calls for one process. Opening costs no call. */
export function openExternal(storage: Storage, options: ExternalOptions = {}): External {
  const warn = options.warn ?? (() => {});
  const now = options.now ?? Date.now;
  const fence = openFence(options.fence);
  const sender = openSender({ ...options, fence });
  const secrets = openSecrets(storage);
  const metrics = openMetrics(storage, options);
  const subscriptions = options.monitoring?.subscriptions ?? (async () => []);
  const monitoring = openMonitoring(storage, { ...options.monitoring, subscriptions, warn });
  const running = new Map<string, number>();
  const breakers = openBreakers({
    ...options.breaker,
    onChange: (key, state) => warn(`circuit breaker of external call ${key} is ${state}`),
  });
  const keyOf = (environment: string, name: string) => `${environment}/${name.toLowerCase()}`;
  const warmUp = openWarmUp(storage, {
    ...options.warmUp,
    metrics,
    sender,
    now,
    warn,
    busy: (environment, name) => (running.get(keyOf(environment, name)) ?? 0) > 0,
  });

  async function secretOf(environment: string, call: string, name: string, read: Tested): Promise<string> {
    const secret = read.definition.secrets[name];
    const fault = (why: string) => new CallError('UnknownFailure', `the secret ${name} ${why}`);
    if (secret === undefined) throw fault('is not defined');
    if ('keyVault' in secret) {
      if (!options.azure) throw fault('is in Key Vault, which this app is not set up to read');
      return options.azure.secret(secret.keyVault);
    }
    const value =
      read.values?.[secret.stored] ??
      (await secrets.read(environment, call, secret.stored, originOf(read.definition)).catch(() => {
        throw fault('cannot be read just now');
      }));
    if (value === undefined) throw fault('has no value for this host');
    return value;
  }

  async function tokenOf({ authentication }: ExternalCall): Promise<string | undefined> {
    if (authentication.type === 'Anonymous') return undefined;
    if (!options.azure) throw new CallError('AADFailure', 'this app has no identity to ask for tokens with');
    return options.azure.token(authentication);
  }

  async function prepare(
    environment: string,
    name: string,
    read: Tested,
    args: readonly string[],
  ): Promise<Prepared> {
    const { definition } = read;
    const names = Object.keys(definition.secrets);
    if (names.length === 0 && definition.authentication.type === 'Anonymous')
      return { request: buildRequest(definition, args, {}), redact: redactor([]) };
    const [token, ...values] = await Promise.all([
      tokenOf(definition),
      ...names.map((secret) => secretOf(environment, name, secret, read)),
    ]);
    const byName = Object.fromEntries(names.map((secret, index) => [secret, values[index] ?? '']));
    const request = buildRequest(definition, args, byName);
    if (token !== undefined) request.headers.authorization = `Bearer ${token}`;
    return { request, redact: redactor([...values, ...(token === undefined ? [] : [token])]) };
  }

  /** The exchange itself; what comes out is free of secrets. */
  function exchange(
    environment: string,
    name: string,
    read: Tested,
    args: readonly string[],
  ): Promise<Outcome> {
    return within(read.definition.timeoutMs, async (signal) => {
      const { request, redact } = await prepare(environment, name, read, args);
      return redacted(await sender.send(request, signal), redact);
    });
  }

  async function outcomeOf(
    environment: string,
    definition: ExternalCall | undefined,
    args: readonly string[],
    name: string,
  ): Promise<{ outcome: Outcome; sent: boolean }> {
    if (definition === undefined)
      return { outcome: failed('DefinitionNotFound', `there is no call ${name}`), sent: false };
    const key = keyOf(environment, name);
    let sent = false;
    running.set(key, (running.get(key) ?? 0) + 1);
    try {
      const outcome = await breakers.run(key, fingerprint(definition), () => {
        sent = true;
        return exchange(environment, name, { definition }, args);
      });
      return { outcome, sent };
    } catch (error) {
      return { outcome: failure(error), sent };
    } finally {
      const left = (running.get(key) ?? 1) - 1;
      if (left === 0) running.delete(key);
      else running.set(key, left);
    }
  }

  async function invoke(
    environment: string,
    definition: ExternalCall | undefined,
    args: readonly string[],
    context: CallContext,
  ): Promise<CallResult> {
    const started = performance.now();
    const { outcome, sent } = await outcomeOf(environment, definition, args, context.name);
    const latencyMs = Math.round(performance.now() - started);
    const shown = definition === undefined ? noRequest : showRequest(definition, args);
    const { status, httpStatusCode } = outcome;
    const { rule, clause } = context;
    metrics.record(environment, context.name, {
      at: now(),
      status,
      httpStatusCode,
      latencyMs,
      sent,
      rule,
      clause,
    });
    scheduleFlush();
    const errorMessage = errorText(outcome);
    return {
      response: status === 'Success' ? (outcome.response ?? null) : (definition?.defaultResponse ?? {}),
      ...(status === 'Success' ? {} : { failed: { code: status, message: errorMessage } }),
      diagnostics: {
        request: shown.body ?? shown.url,
        endpoint: shown.url.split('?')[0] ?? '',
        httpStatusCode,
        errorMessage,
        latency: latencyMs,
      },
      trace: {
        at: new Date(now()).toISOString(),
        status,
        requestUri: shown.url,
        posted: shown.body !== undefined,
        ...(outcome.answered === undefined ? {} : { answered: outcome.answered }),
      },
    };
  }

  async function tell(calls: readonly (Traced | TracedRun)[]): Promise<void> {
    scheduleFlush();
    await monitoring.tell(calls);
  }

  async function test(
    environment: string,
    name: string,
    read: Tested,
    args: readonly string[],
  ): Promise<TestResult> {
    const started = performance.now();
    const outcome = await exchange(environment, name, read, args);
    const { status, httpStatusCode, response, answered } = outcome;
    return {
      success: status === 'Success',
      httpStatusCode,
      latencyMs: Math.round(performance.now() - started),
      ...(response === undefined ? {} : { response }),
      ...(status === 'Success' ? {} : { error: { kind: status, message: errorText(outcome) } }),
      ...(answered === undefined ? {} : { answered }),
      request: showRequest(read.definition, args),
    };
  }

  const flushMs = options.flushMs ?? 10_000;
  let timer: NodeJS.Timeout | undefined;

  function scheduleFlush(): void {
    if (timer !== undefined || flushMs === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      flush().catch((error: unknown) => {
        warn(`metrics or events of external calls could not be written: ${String(error)}`);
        scheduleFlush();
      });
    }, flushMs);
    timer.unref();
  }

  async function flush(): Promise<void> {
    const results = await Promise.allSettled([metrics.flush(), monitoring.flush()]);
    const rejected = results.find((result) => result.status === 'rejected');
    if (rejected) throw rejected.reason;
  }

  return {
    invoke,
    test,
    read: (input) => readDefinition(input, fence),
    secrets,
    metrics,
    warmUp,
    breaker: (environment, name) => breakers.state(keyOf(environment, name)),
    tell,
    deliver: monitoring.deliver,
    flush,
    async close() {
      clearTimeout(timer);
      try {
        await flush();
      } finally {
        await sender.close();
      }
    },
  };
}

interface Prepared {
  request: OutgoingRequest;
  redact: Redactor;
}

function redacted(outcome: Outcome, redact: Redactor): Outcome {
  const { response, answered } = outcome;
  return {
    ...outcome,
    detail: redact.text(outcome.detail),
    ...(response === undefined ? {} : { response: redact.json(response) }),
    ...(answered === undefined ? {} : { answered: redact.head(answered, answeredLimit) }),
  };
}

const noRequest: TestResult['request'] = { method: '', url: '' };

/** The request as people may see it: built with a mark in place of every secret. */
function showRequest(definition: ExternalCall, args: readonly string[]): TestResult['request'] {
  const mark = '…';
  const marks = Object.fromEntries(Object.keys(definition.secrets).map((name) => [name, mark]));
  const { method, url, body } = buildRequest(definition, args, marks);
  return {
    method,
    url: url.href.replaceAll(encodeURIComponent(mark), mark),
    ...(body === undefined ? {} : { body }),
  };
}

const fingerprints = new WeakMap<ExternalCall, string>();

/** What the target gets to see of a definition: a breaker starts anew when that changes, and not with each snapshot. */
function fingerprint(definition: ExternalCall): string {
  const known = fingerprints.get(definition);
  if (known !== undefined) return known;
  const { method, url, parameters, headers, body, secrets, authentication, timeoutMs } = definition;
  const made = JSON.stringify([method, url, parameters, headers, body, secrets, authentication, timeoutMs]);
  fingerprints.set(definition, made);
  return made;
}

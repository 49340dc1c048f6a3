/**
 * The local host: serves an app's compiled entry as the Functions runtime does, with nothing of Azure installed. It
 * gives the app what the runtime gives it and no more; it is no part of what is deployed.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import path from 'node:path';
import { type App, type AppFunction, loadApp } from './core.ts';
import { createHttpSide, type Endpoint, type HttpSide, readEndpoints } from './http.ts';
import { type Keys, openKeys } from './keys.ts';
import { consoleLog, errorText, type Log } from './log.ts';
import { DefinitionError } from './ncrontab.ts';
import { type QueueDefinition, type QueueOptions, readQueueOptions, readQueues, runQueue } from './queue.ts';
import { openHostStorage } from './storage.ts';
import { readTimers, runTimer, type TimerDefinition } from './timer.ts';

export interface HostOptions {
  /** the app's compiled entry */
  readonly entry: string;
  /** the app's folder, with host.json */
  readonly root: string;
  /** 0: any free one */
  readonly port: number;
  /** connection string of the host's own storage, handed on as `AzureWebJobsStorage`; timers and queues need it */
  readonly storage?: string | undefined;
  /** where given, function keys are asked for; they are kept in this file */
  readonly keyFile?: string | undefined;
  /** settings of the app: environment variables while the host runs */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: Log;
  /** how long invocations under way may take when the host stops; 30 where absent, as the runtime */
  readonly drainSeconds?: number;
}

export interface Host {
  readonly port: number;
  /** the names of the functions served */
  readonly functions: readonly string[];
  /** undefined where none are asked for */
  readonly keys: Keys | undefined;
  /**
   * Takes no more work, waits for what is under way, runs the app's `appTerminate` hooks. A second call waits for the first.
   * `seconds`: how long to wait, where not as long as the options say.
   */
  stop(seconds?: number): Promise<void>;
}

/** The app, or host.json, is one that the runtime would refuse; one line each. */
export class HostError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

interface Plan {
  readonly endpoints: readonly Endpoint[];
  readonly timers: readonly TimerDefinition[];
  readonly queues: readonly QueueDefinition[];
  readonly queueOptions: QueueOptions;
}

/**
 * Starts an app on loopback.
 * @throws HostError where the app is one that the runtime would refuse; the error of the port or of storage otherwise
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { entry, root, storage, log = consoleLog, drainSeconds = 30 } = options;
  const settings = {
    ...options.settings,
    ...(storage === undefined ? {} : { AzureWebJobsStorage: storage }),
  };
  const restore = setEnvironment({
    ...settings,
    AzureWebJobsScriptRoot: root,
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
  });
  const stopping = new AbortController();
  let http: HttpSide | undefined;
  const listening: Server[] = [];
  try {
    const hostJson = await readHostJson(root);
    const app = await load(entry, root, log);
    const plan = readPlan(app.functions, hostJson, log);
    const names = app.functions.map(({ name }) => name);
    const keys = options.keyFile === undefined ? undefined : await openKeys(options.keyFile, names);
    const background = await startBackground(app, plan, storage, root, log, stopping.signal);

    const side = createHttpSide(app, plan.endpoints, keys, log);
    http = side;
    listening.push(...(await listenOnLoopback(side.server, options.port)));
    const address = side.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : options.port;

    let stopped: Promise<void> | undefined;
    const stop = async (seconds: number) => {
      stopping.abort();
      for (const server of listening) server.close();
      const drained = Promise.all([side.drain(), ...background]);
      const late = await withTimeLimit(drained, seconds * 1000);
      if (late)
        log({
          level: 'warning',
          message: `invocations were still under way after ${seconds} s and are left`,
        });
      for (const server of listening) server.closeAllConnections();
      await app
        .terminate()
        .catch((error: unknown) => log({ level: 'error', message: `appTerminate: ${errorText(error)}` }));
      restore();
    };
    return {
      port,
      functions: names,
      keys,
      stop(seconds = drainSeconds) {
        stopped ??= stop(seconds);
        return stopped;
      },
    };
  } catch (error) {
    stopping.abort();
    for (const server of listening) server.close();
    http?.server.close();
    restore();
    throw error instanceof DefinitionError ? new HostError([error.message]) : error;
  }
}

async function load(entry: string, root: string, log: Log): Promise<App> {
  try {
    return await loadApp({ entry, root, log });
  } catch (error) {
    throw new HostError([`the app did not load: ${errorText(error)}`]);
  }
}

type Json = Readonly<Record<string, unknown>>;

function objectAt(json: Json, ...names: string[]): Json {
  let value: unknown = json;
  for (const name of names) value = isObject(value) ? value[name] : undefined;
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readHostJson(root: string): Promise<Json> {
  const file = path.join(root, 'host.json');
  try {
    const json: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (isObject(json) && json.version === '2.0') return json;
    throw new Error('its "version" must be "2.0"');
  } catch (error) {
    throw new HostError([`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

/** What the app's functions need, once the whole app is one that the runtime would take. */
function readPlan(registered: readonly AppFunction[], hostJson: Json, log: Log): Plan {
  const functions = registered.toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
  const prefix = objectAt(hostJson, 'extensions', 'http').routePrefix;
  const http = readEndpoints(functions, typeof prefix === 'string' ? prefix : 'api');
  const timers = readTimers(functions, process.env);
  const queues = readQueues(functions, process.env);
  const names = functions
    .filter(({ name }) => !/^(?!host$)[a-z][a-z0-9_-]{0,127}$/i.test(name))
    .map(
      ({ name }) => `'${name}' is no name for a function: a letter, then up to 127 letters, digits, - and _`,
    );
  const errors = [...names, ...http.errors, ...timers.errors, ...queues.errors];
  const queueOptions = orProblem(() => readQueueOptions(objectAt(hostJson, 'extensions', 'queues')), errors);
  if (errors.length > 0 || queueOptions === undefined) throw new HostError(errors);
  for (const message of [...http.warnings, ...timers.warnings, ...others(functions)])
    log({ level: 'warning', message });
  return {
    endpoints: http.endpoints,
    timers: timers.timers,
    queues: queues.queues,
    queueOptions,
  };
}

function orProblem<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

const SERVED = ['httptrigger', 'timertrigger', 'queuetrigger'];

function others(functions: readonly AppFunction[]): string[] {
  return functions.flatMap(({ name, trigger, metadata }) => {
    const outputs = Object.values(metadata.bindings).filter(
      (one) => one !== trigger && one.type.toLowerCase() !== 'http',
    );
    return [
      ...(SERVED.includes(trigger.type.toLowerCase())
        ? []
        : [`function ${name}: the local host does not run a ${trigger.type}`]),
      ...outputs.map((one) => `function ${name}: the local host does not provide the binding ${one.type}`),
    ];
  });
}

async function startBackground(
  app: App,
  { timers, queues, queueOptions }: Plan,
  storage: string | undefined,
  root: string,
  log: Log,
  signal: AbortSignal,
): Promise<Promise<void>[]> {
  if (timers.length === 0 && queues.length === 0) return [];
  if (storage === undefined) {
    log({ level: 'warning', message: 'without storage no timer and no queue function runs' });
    return [];
  }
  const hostId = `local-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
  const hostStorage = await openHostStorage(storage, hostId, log);
  return [
    ...timers.map((timer) => runTimer(app, timer, hostStorage, log, signal)),
    ...queues.map((queue) => runQueue(app, queue, queueOptions, log, signal)),
  ];
}

/** Listens on 127.0.0.1 and, where the machine has it, on ::1: `localhost` is either. */
async function listenOnLoopback(server: Server, port: number): Promise<Server[]> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const { createServer } = await import('node:http');
  const second = createServer((request, response) => server.emit('request', request, response));
  second.keepAliveTimeout = server.keepAliveTimeout;
  second.requestTimeout = server.requestTimeout;
  try {
    second.listen(typeof address === 'object' && address !== null ? address.port : port, '::1');
    await once(second, 'listening');
    return [server, second];
  } catch (error) {
    if (port !== 0 && error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      server.close();
      throw error;
    }
    return [server];
  }
}

/** Sets environment variables; the function returned puts back what was there. */
function setEnvironment(settings: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** Whether the time ran out first. */
async function withTimeLimit(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const out = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => out.resolve(true), milliseconds);
  const late = await Promise.race([work.then(() => false), out.promise]);
  clearTimeout(timer);
  return late;
}

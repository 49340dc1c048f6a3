/** `npm start`: the whole product on this machine. Storage first, then the app, then the samples; ended in reverse. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Role } from '../../shared/auth/permissions.ts';
import { type BuildRecord, staleSources } from '../build.ts';
import { type Host, HostError, startHost } from '../host/host.ts';
import { type Issuer, startIssuer } from '../issuer/issuer.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { checkFolder, type Lock, takeLock } from './lock.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { checkPorts, portInUse } from './ports.ts';
import { errorCode, StartProblem } from './problem.ts';

interface Caller {
  baseUrl: string;
  headers: Record<string, string>;
}

export interface StartContext {
  /** the repository: host.json, dist */
  readonly root: string;
  readonly args: readonly string[];
  /** creates the samples through the API; gives lines to print */
  seed(options: Caller): Promise<string[]>;
  /** an environment with a dashboard of loss prevention, and what makes its samples while the app is in use already */
  readonly dashboard?: {
    readonly environment: string;
    seed(options: Caller & { storage: string; signal: AbortSignal }): Promise<string[]>;
  };
  print(line: string): void;
  printError(line: string): void;
}

const MEGABYTE = 1024 * 1024;
/** Azurite rewrites its files whole when it ends, so the disk must never run quite full. */
const LEAST_TO_START = 100 * MEGABYTE;
const LEAST_TO_RUN = 50 * MEGABYTE;
const LOOK_EVERY = 5_000;
/** npm passes Ctrl-C on to a process that the terminal has told already. */
const SAME_CTRL_C = 1_000;

/** Runs until it is told to stop, or cannot go on. Gives the exit code: 0 where it was told to. */
export async function start(context: StartContext): Promise<number> {
  const stop = new AbortController();
  const letGo = onSignals(stop, context.printError);
  try {
    const options = parseOptions(context.args, context.root);
    if (options === undefined) {
      context.print(USAGE);
      return 0;
    }
    await checkBuild(context.root);
    await run(context, options, stop.signal);
    return 0;
  } catch (error) {
    for (const line of problemLines(error)) context.printError(line);
    return 1;
  } finally {
    letGo();
  }
}

async function run(context: StartContext, options: Options, signal: AbortSignal): Promise<void> {
  const { data } = options;
  let lock: Lock | undefined;
  let azurite: Azurite | undefined;
  let issuer: Issuer | undefined;
  let host: Host | undefined;
  const watching = new AbortController();
  try {
    lock = await takeLock(data);
    await checkFolder(data, LEAST_TO_START);
    await checkPorts(options);
    issuer = await issue(options, () => dashboardLink(context, host, issuer));
    azurite = await startAzurite(data, options.storagePorts, signal);
    await lock.noteStorage(azurite.pid);
    const failed = failure(data, azurite, watching.signal);
    const stopped = aborted(signal);
    const first = <T>(work: Promise<T>) => Promise.race([work, failed, stopped]);
    // either may wait long for a storage that is gone
    const settings = { HOLDFAST_STORAGE: azurite.connectionString, ...issuer.settings };
    host = (await first(serve(context.root, options, settings))) ?? undefined;
    if (host !== undefined) {
      await first(greet(context, options, host, issuer));
      if (context.dashboard) void sample(context, host, issuer, azurite.connectionString, watching.signal);
    }
    await first(stopped);
  } catch (error) {
    // what waits for storage now waits in vain
    await host?.stop(1);
    throw error;
  } finally {
    watching.abort();
    await host?.stop();
    await azurite?.stop();
    await issuer?.stop();
    await lock?.release();
  }
}

/** The token issuer; its key stays in the data folder, so that tokens outlive a restart. */
function issue({ issuerPort: port, data }: Options, dashboard: () => Promise<string>): Promise<Issuer> {
  return startIssuer({ port, folder: path.join(data, 'issuer'), links: { dashboard } }).catch(
    (error: unknown) => {
      throw errorCode(error) === 'EADDRINUSE' ? portInUse(port, 'the token issuer', '--issuer-port') : error;
    },
  );
}

function serve(
  root: string,
  { port, data, auth }: Options,
  settings: Record<string, string> & { HOLDFAST_STORAGE: string },
): Promise<Host> {
  return startHost({
    root,
    entry: path.join(root, 'dist/main.js'),
    port,
    storage: settings.HOLDFAST_STORAGE,
    keyFile: auth ? path.join(data, 'keys.json') : undefined,
    settings: { ...settings, ...(auth ? { HOLDFAST_FUNCTION_KEYS: 'ProductAdmin' } : {}) },
    drainSeconds: 10,
  }).catch((error: unknown) => {
    throw errorCode(error) === 'EADDRINUSE' ? portInUse(port, 'the API', '--port') : error;
  });
}

/** The credentials of a role: a token, and a key where keys are asked for. */
async function headersFor(role: Role, host: Host, issuer: Issuer): Promise<Record<string, string>> {
  const key = host.keys?.host;
  return {
    authorization: `Bearer ${await issuer.token({ client: role })}`,
    ...(key === undefined ? {} : { 'x-functions-key': key }),
  };
}

const baseUrlOf = (host: Host) => `http://localhost:${host.port}`;

/** A link that opens the dashboard in the browser that asked for it, as somebody who may read. */
async function dashboardLink(
  { dashboard }: StartContext,
  host: Host | undefined,
  issuer: Issuer | undefined,
): Promise<string> {
  if (!dashboard || !host || !issuer) throw new Error('the app is not ready yet');
  const path = `/management/v1/environments/${dashboard.environment}/lossPrevention/dashboard/session`;
  const response = await fetch(`${baseUrlOf(host)}${path}`, {
    method: 'POST',
    headers: await headersFor('AllAreasViewer', host, issuer),
  });
  if (!response.ok) throw new Error(`${path} gave ${response.status}`);
  const answer: { path: string } = JSON.parse(await response.text());
  return `${baseUrlOf(host)}${answer.path}`;
}

/** Makes the samples that take a while; what goes wrong with them stops nothing. */
async function sample(
  { dashboard, print, printError }: StartContext,
  host: Host,
  issuer: Issuer,
  storage: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const headers = await headersFor('ProductAdmin', host, issuer);
    const lines = await dashboard?.seed({ baseUrl: baseUrlOf(host), headers, storage, signal });
    for (const line of lines ?? []) print(line);
  } catch (error) {
    if (!signal.aborted)
      printError(
        `the sample of loss prevention was not made: ${error instanceof Error ? error.message : String(error)}`,
      );
  }
}

/** Seeds the samples, then says what runs where and what to try. */
async function greet(
  { root, seed, dashboard, print }: StartContext,
  { data, storagePorts }: Options,
  host: Host,
  issuer: Issuer,
): Promise<void> {
  const baseUrl = baseUrlOf(host);
  const key = host.keys?.host;
  const headers = await headersFor('ProductAdmin', host, issuer);
  const seeded = await seed({ baseUrl, headers }).catch((error: unknown) => {
    throw new StartProblem(
      `the samples were not seeded: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const purchase = path.relative(process.cwd(), path.join(root, 'tools/seed/purchase.json'));
  const flags = Object.entries({
    'content-type': 'application/json',
    'x-ms-correlation-id': randomUUID(),
    ...(await headersFor('Risk_API', host, issuer)),
  }).map(([name, value]) => `-H '${name}: ${value}'`);
  const { blob, queue, table } = storagePorts;
  const lines = [
    ...seeded,
    '',
    `  API      ${baseUrl}   (${host.functions.join(', ')})`,
    `  tokens   ${issuer.baseUrl}/dev/oauth2/v2.0/token   (client_id: a role, client_secret: dev)`,
    ...(dashboard
      ? [`  pages    ${issuer.baseUrl}/dev/dashboard   (loss prevention: opens its dashboard in a browser)`]
      : []),
    `  storage  blobs 127.0.0.1:${blob}, queues 127.0.0.1:${queue}, tables 127.0.0.1:${table} (Azurite)`,
    `  data     ${data}`,
    ...(key === undefined
      ? []
      : [`  keys     ${path.join(data, 'keys.json')}, for addresses below ${baseUrl}/keys`]),
    '',
    'A token of the role ProductAdmin, good for an hour, as a header (docs/auth.md has the other roles):',
    '',
    `auth="authorization: Bearer $(curl -s ${issuer.baseUrl}/dev/oauth2/v2.0/token -d grant_type=client_credentials -d client_id=ProductAdmin -d client_secret=dev | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')"`,
    '',
    'Assess a purchase:',
    '',
    `curl ${baseUrl}/v1.0/MerchantServices/events/Purchase ${flags.join(' ')} --data @${purchase}`,
    '',
    'Ctrl-C stops everything; the data stays.',
  ];
  for (const line of lines) print(line);
}

/** Rejects when storage or the disk gives out, or the app throws where nobody catches. */
function failure(data: string, azurite: Azurite, done: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const look = setInterval(() => checkFolder(data, LEAST_TO_RUN).catch(reject), LOOK_EVERY);
  process.on('uncaughtException', reject);
  done.addEventListener('abort', () => {
    clearInterval(look);
    process.off('uncaughtException', reject);
  });
  void azurite.broken.then(reject);
  // it may reject when nobody looks any more
  promise.catch(() => undefined);
  return promise;
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve());
  return promise;
}

/** @throws StartProblem where there is no build, or a source is newer */
async function checkBuild(root: string): Promise<void> {
  const read = (name: string) => readFile(path.join(root, 'dist', name), 'utf8').catch(() => undefined);
  const [record, entry] = await Promise.all([read('build.json'), read('main.js')]);
  if (record === undefined || entry === undefined)
    throw new StartProblem('there is no build in dist/: run npm run build (npm start does so itself)');
  const parsed: BuildRecord = JSON.parse(record);
  const [first, ...more] = await staleSources(root, parsed);
  if (first !== undefined)
    throw new StartProblem(
      `the build in dist/ is stale, ${first}${more.length > 0 ? ` and ${more.length} more` : ''} changed since: run npm run build (npm start does so itself)`,
    );
}

function problemLines(error: unknown): string[] {
  if (error instanceof StartProblem) return [error.message];
  if (error instanceof HostError)
    return error.problems.map((problem) => `the app cannot be served: ${problem}`);
  return [`npm start failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
}

/** The first Ctrl-C or SIGTERM stops in order; a later one at once. Gives what takes the handlers away. */
function onSignals(stop: AbortController, printError: (line: string) => void): () => void {
  let first: number | undefined;
  const handle = () => {
    const now = Date.now();
    if (first === undefined) {
      first = now;
      stop.abort();
    } else if (now - first >= SAME_CTRL_C) {
      printError('stopped at once; storage ends by itself');
      process.exit(130);
    }
  };
  const before = ancestry();
  // npm that is killed tells nobody, and npm that is told to end tells the shell in between only
  const orphaned = setInterval(() => {
    if (process.env.npm_lifecycle_event !== undefined && ancestry() !== before) handle();
  }, 1_000);
  orphaned.unref();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
  return () => {
    clearInterval(orphaned);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, handle);
  };
}

/** The parent's id and, where that is the shell that npm runs scripts in and the system tells, the one above it. */
function ancestry(): string {
  try {
    const [, name, parent] =
      /\((.*)\) \S+ (\d+)/s.exec(readFileSync(`/proc/${process.ppid}/stat`, 'utf8')) ?? [];
    return /^(ba|da|z)?sh$/.test(name ?? '') ? `${process.ppid} ${parent}` : `${process.ppid}`;
  } catch {
    return `${process.ppid}`;
  }
}

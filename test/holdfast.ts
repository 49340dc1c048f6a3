import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Role } from '../shared/auth/permissions.ts';
import { type Issuer, startIssuer } from '../tools/issuer/issuer.ts';

const root = path.resolve(import.meta.dirname, '..');

export interface RunningApp {
  baseUrl: string;
  process: ChildProcess;
  /** everything it wrote so far */
  output(): string;
  /** Asks it to end, and waits. */
  stop(): Promise<void>;
}

export interface AppOptions {
  /** connection string of the storage account */
  storage: string;
  /** further app settings, and variables of the process; undefined takes one away */
  settings?: Record<string, string | undefined>;
  /** the entry, where it is not that of the build */
  entry?: string;
  /** file of function keys, which are asked for then */
  keys?: string;
}

/** What ends with the tests, also where one of them failed. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

let issuer: Promise<Issuer> | undefined;

/** The issuer that every app started here trusts; its tokens outlive the hours by which a test may set an app's clock ahead. */
export function theIssuer(): Promise<Issuer> {
  issuer ??= startIssuer({ port: 0, lifetimeSeconds: 12 * 3600, background: true });
  return issuer;
}

/** The headers of a caller with a role in every environment. */
export async function credentials(role: Role = 'ProductAdmin'): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await (await theIssuer()).token({ client: role })}` };
}

/** Starts the built app on the local host, in a process of its own, on a free port. */
export async function startApp({ storage, settings = {}, entry, keys }: AppOptions): Promise<RunningApp> {
  const trust = (await theIssuer()).settings;
  const child = spawn(
    process.execPath,
    [
      'tools/host/main.ts',
      '--port',
      '0',
      '--storage',
      storage,
      ...(entry ? ['--entry', entry] : []),
      ...(keys ? ['--keys', keys] : []),
    ],
    {
      cwd: root,
      env: { ...process.env, HOLDFAST_STORAGE: storage, ...trust, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  running.add(child);
  const exited = once(child, 'exit').finally(() => running.delete(child));
  let output = '';
  const port = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const found = /http:\/\/localhost:(\d+): /.exec(output)?.[1];
      if (found) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`The app ended with ${code}:\n${output}`)));
  });
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    process: child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

let administrator: Promise<{ authorization: string }> | undefined;

/**
 * One request with a JSON body (or the text given), answered as JSON where it is JSON; by a product admin, who may do
 * everything, unless the headers say otherwise.
 */
export async function call(
  baseUrl: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  administrator ??= credentials();
  const response = await fetch(baseUrl + path, {
    method,
    headers: {
      ...(await administrator),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text ? JSON.parse(text) : text,
  };
}

/** Asks again until the condition holds; fails after `seconds`. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  seconds = 60,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** For tests of the host: apps compiled on the fly, served in this process. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildApp } from '../build.ts';
import { type Host, type HostOptions, startHost } from './host.ts';
import type { LogLine } from './log.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');

export interface Fixture {
  readonly root: string;
  readonly entry: string;
  /** everything logged so far, host and functions */
  readonly lines: LogLine[];
  /** the host: the last one started */
  readonly host: Host;
  /** starts a host for the app, over the same folder */
  start(options?: Partial<HostOptions>): Promise<Host>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** what the app's functions have noted with `note(…)`, in order */
  readonly notes: unknown[];
  /** Resolves with the notes once the condition holds of them; never before. The test's time limit bounds it. */
  until(condition: (notes: unknown[]) => boolean): Promise<unknown[]>;
  remove(): Promise<void>;
}

/** Common beginning of every fixture: `app`, and `note` to tell the test something. */
const PRELUDE = `import { app } from '@azure/functions';
const note = (value: unknown) => { process.emit('holdfast:note' as never, { root: import.meta.dirname, value } as never); };
`;

/** Compiles an app of one TypeScript file into a folder of its own. */
export async function makeApp(source: string, hostJson: object = {}): Promise<Fixture> {
  const parent = path.join(REPOSITORY, 'node_modules/.cache/holdfast-tests');
  await mkdir(parent, { recursive: true });
  const root = await mkdtemp(path.join(parent, 'app-'));
  await symlink(path.join(REPOSITORY, 'node_modules'), path.join(root, 'node_modules'));
  await writeFile(path.join(root, 'main.ts'), PRELUDE + source);
  const json = { version: '2.0', extensions: { http: { routePrefix: '' } }, ...hostJson };
  await writeFile(path.join(root, 'host.json'), JSON.stringify(json));
  const dist = path.join(root, 'dist');
  await buildApp(root, 'main.ts', dist);

  const lines: LogLine[] = [];
  const notes: unknown[] = [];
  const hosts: Host[] = [];
  const waiting = new Set<() => void>();
  const listen = (event: { root: string; value: unknown }) => {
    if (event.root !== dist) return;
    notes.push(event.value);
    for (const look of waiting) look();
  };
  const emitter: NodeJS.EventEmitter = process;
  emitter.on('holdfast:note', listen);

  const current = () => {
    const host = hosts.at(-1);
    if (host === undefined) throw new Error('no host has been started');
    return host;
  };
  return {
    root,
    entry: path.join(dist, 'main.js'),
    lines,
    notes,
    get host() {
      return current();
    },
    async start(options = {}) {
      const log = (line: LogLine) => lines.push(line);
      const host = await startHost({ entry: path.join(dist, 'main.js'), root, port: 0, log, ...options });
      hosts.push(host);
      return host;
    },
    fetch: (target, init) => fetch(`http://127.0.0.1:${current().port}${target}`, init),
    until(condition) {
      return new Promise((resolve) => {
        const look = () => {
          if (!condition(notes)) return;
          waiting.delete(look);
          resolve(notes);
        };
        waiting.add(look);
        look();
      });
    },
    async remove() {
      await Promise.all(hosts.map((host) => host.stop()));
      emitter.off('holdfast:note', listen);
      await rm(root, { recursive: true, force: true });
    },
  };
}

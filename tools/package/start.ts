import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const host = path.resolve(import.meta.dirname, '../host/main.ts');

export interface StartedPackage {
  baseUrl: string;
  /** milliseconds from the start of the process to the first answer of `/health/live` */
  firstAnswer: number;
  stop(): Promise<void>;
}

/** Serves an unpacked package on the local host, in a process of its own, on a free port. Throws an Error with its output where it ends. */
export async function startPackage(
  folder: string,
  settings: Record<string, string>,
  storage: string,
): Promise<StartedPackage> {
  const started = performance.now();
  const child = spawn(process.execPath, [host, '--root', folder, '--port', '0', '--storage', storage], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit');
  let output = '';
  const baseUrl = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const port = /http:\/\/localhost:(\d+): /.exec(output)?.[1];
      if (port) resolve(`http://127.0.0.1:${port}`);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`The package ended with ${code}:\n${output}`)));
  });
  const answer = await fetch(`${baseUrl}/health/live`);
  if (!answer.ok) throw new Error(`/health/live gave ${answer.status}:\n${output}`);
  const firstAnswer = performance.now() - started;
  return {
    baseUrl,
    firstAnswer,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', kill);
    },
  };
}

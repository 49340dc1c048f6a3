import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';

export interface Azurite {
  connectionString: string;
  ports: { blob: number; queue: number; table: number };
  /** Ends the process and waits for its end; a second call does nothing. */
  stop(): Promise<void>;
}

export interface AzuriteOptions {
  /** keep the data in this folder; in memory where absent */
  folder?: string;
  /** fixed ports, to start again where another has been; free ones where absent */
  ports?: { blob: number; queue: number; table: number };
}

const startSeconds = 50;

/** The publicly known account of Azurite, for the three ports given. */
export function azuriteConnectionString(ports: Azurite['ports']): string {
  const account = 'devstoreaccount1';
  const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
  return [
    'DefaultEndpointsProtocol=http',
    `AccountName=${account}`,
    `AccountKey=${key}`,
    `BlobEndpoint=http://127.0.0.1:${ports.blob}/${account}`,
    `QueueEndpoint=http://127.0.0.1:${ports.queue}/${account}`,
    `TableEndpoint=http://127.0.0.1:${ports.table}/${account}`,
  ].join(';');
}

/** Starts a real Azurite as a child process on loopback; one per test file, in `beforeAll`, stopped in `afterAll`. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const entry = createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js');
  const wanted = options.ports ?? { blob: 0, queue: 0, table: 0 };
  const keep = options.folder === undefined ? ['--inMemoryPersistence'] : ['--location', options.folder];
  const flags = ['--silent', '--disableTelemetry', '--skipApiVersionCheck', ...keep];
  const where = (['blob', 'queue', 'table'] as const).flatMap((service) => [
    `--${service}Host`,
    '127.0.0.1',
    `--${service}Port`,
    String(wanted[service]),
  ]);
  const child = spawn(process.execPath, [entry, ...flags, ...where], {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit');

  let output = '';
  const ports = await new Promise<Azurite['ports']>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`Azurite was not ready in ${startSeconds} s:\n${output}`)),
      startSeconds * 1000,
    );
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const port = (service: string) =>
        Number(
          new RegExp(`${service} service is successfully listening at http://[^\\s:]+:(\\d+)`).exec(
            output,
          )?.[1],
        );
      const found = { blob: port('Blob'), queue: port('Queue'), table: port('Table') };
      if (found.blob && found.queue && found.table) {
        clearTimeout(timer);
        resolve(found);
      }
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`Azurite ended with ${code}:\n${output}`));
    });
  }).catch((error: unknown) => {
    kill();
    throw error;
  });

  return {
    connectionString: azuriteConnectionString(ports),
    ports,
    async stop() {
      process.off('exit', kill);
      // SIGTERM waits for keep-alive connections; only kept data is worth that
      child.kill(options.folder === undefined ? 'SIGKILL' : 'SIGTERM');
      await ended;
    },
  };
}

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { openStorage } from '../../shared/storage/index.ts';
import { generate, sampleDefaults } from '../lossPrevention/generate.ts';
import type { SeedOptions } from './seed.ts';

/** Where the sample lake and its dashboard belong. */
export const sampleEnvironment = 'primary';

/** Four stores over four months, a file a month: seconds to write and to read. */
const sample = { ...sampleDefaults, stores: 4, staffPerStore: 10, months: 4, layout: 'cdm' } as const;

export interface SampleOptions extends SeedOptions {
  /** connection string of the storage account */
  storage: string;
  signal: AbortSignal;
}

const runs = z.object({ items: z.array(z.object({ id: z.string() })) });
const settings = z.object({ container: z.string() });
const run = z.object({ id: z.string(), status: z.string(), reason: z.string().optional() });

/**
 * Gives an environment without any run a sample lake with planted abuse, and has it analysed, as a merchant would:
 * files into its container, the rest through the API. Gives lines that say so once the dashboard is there; none where
 * there are runs already.
 */
export async function seedLossPrevention(options: SampleOptions): Promise<string[]> {
  const base = `${options.baseUrl}/management/v1/environments/${sampleEnvironment}/lossPrevention`;
  const ask = async <T>(schema: z.ZodType<T>, method: string, name: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${base}/${name}`, {
      method,
      headers: { ...options.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: options.signal,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} …/lossPrevention/${name} gave ${response.status}: ${text}`);
    return schema.parse(JSON.parse(text));
  };
  if ((await ask(runs, 'GET', 'runs')).items.length > 0) return [];
  const { container } = await ask(settings, 'PUT', 'settings', {});
  await upload(openStorage({ connectionString: options.storage }).blobs(container), options.signal);
  let last = await ask(run, 'POST', 'runs');
  while (last.status === 'queued' || last.status === 'running') {
    await setTimeout(500, undefined, { signal: options.signal });
    last = await ask(run, 'GET', `runs/${last.id}`);
  }
  if (last.status !== 'succeeded') throw new Error(last.reason ?? last.status);
  return ['the sample of loss prevention is analysed: its dashboard is there'];
}

async function upload(
  lake: { write(name: string, content: Uint8Array): Promise<unknown> },
  signal: AbortSignal,
): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-sample-'));
  try {
    await generate(folder, sample);
    const entries = await readdir(path.join(folder, 'lake'), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      signal.throwIfAborted();
      const file = path.join(entry.parentPath, entry.name);
      const name = path.relative(path.join(folder, 'lake'), file).split(path.sep).join('/');
      await lake.write(name, await readFile(file));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

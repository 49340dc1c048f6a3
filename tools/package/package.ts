/** Makes the folder, and the zip, that is deployed: the bundle, host.json, and the packages that are not in the bundle. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { buildApp, isHeavy } from '../build.ts';
import { externalsOf, type Lock, lockOf, versionsOf } from './externals.ts';
import { type ZipEntry, zip } from './zip.ts';

const run = promisify(execFile);
const packageSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });

export interface Package {
  /** folder with what the zip has */
  folder: string;
  zipFile: string;
  zipBytes: number;
  /** of all files before they were compressed */
  bytes: number;
  files: string[];
  /** packages beside the bundle, with their versions */
  externals: Record<string, string>;
}

/** Of no use at run time: types, sources for debuggers, texts for people, tests and set-up of other packages, notes of npm and of the build. Licences stay. */
const unused =
  /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|html)$|(^|\/)tsconfig[^/]*\.json$|^node_modules\/(@[^/]+\/)?[^/]+\/(tests?|\.github)\/|^node_modules\/(.*\/)?\.[^/]|^dist\/build\.json$|^package-lock\.json$/;
const licence = /(^|\/)(licen[cs]e|notice|copying|third)[^/]*$/i;

/**
 * Builds the app of `root` and puts what is deployed into `<out>/app` and `<out>/<name>-<version>.zip`; what was in `out`
 * is deleted. Packages beside the bundle are installed by npm as locked, for Linux on x64 with glibc, which Flex
 * Consumption runs. The same sources give the same bytes.
 * @throws Error where the build fails or npm cannot install
 */
export async function makePackage(root: string, out: string): Promise<Package> {
  const folder = path.join(out, 'app');
  await rm(out, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // the folder ignores itself: nobody has to tell git, or the linter, about it
  await writeFile(path.join(out, '.gitignore'), '*\n');
  await buildApp(root, 'functions/main.ts', path.join(folder, 'dist'));
  for (const name of ['host.json', 'LICENSE']) await copyFile(path.join(root, name), path.join(folder, name));

  const { name, version, license } = packageSchema.parse(await readJson(path.join(root, 'package.json')));
  const lock: Lock = await readJson(path.join(root, 'package-lock.json'));
  // what is in the bundle may speak of imports in its texts
  const names = (await externalsOf(path.join(folder, 'dist'), lock)).filter(isHeavy);
  const externals = versionsOf(lock, names);
  const manifest = {
    name,
    version,
    private: true,
    license,
    type: 'module',
    main: 'dist/main.js',
    engines: { node: '>=24' },
    dependencies: externals,
  };
  await writeJson(path.join(folder, 'package.json'), manifest);
  if (names.length > 0) {
    await writeJson(path.join(folder, 'package-lock.json'), lockOf(lock, { name, version }, names));
    await install(folder);
  }

  const entries = await readEntries(folder);
  const archive = zip(entries);
  const zipFile = path.join(out, `${name}-${version}.zip`);
  await writeFile(zipFile, archive);
  return {
    folder,
    zipFile,
    zipBytes: archive.length,
    bytes: entries.reduce((sum, { content }) => sum + content.length, 0),
    files: entries.map((entry) => entry.name),
    externals,
  };
}

async function install(folder: string): Promise<void> {
  const target = ['--os=linux', '--cpu=x64', '--libc=glibc'];
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', ...target, ...quiet], {
    cwd: folder,
    shell: process.platform === 'win32',
    // what an enclosing `npm run` says of its own project is not for this one
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)_/.test(name)),
    ),
  });
}

/** Deletes from the folder what is of no use at run time, and reads the rest. */
async function readEntries(folder: string): Promise<ZipEntry[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort();
  const entries: ZipEntry[] = [];
  for (const name of files) {
    const file = path.join(folder, name);
    if (unused.test(name) && !licence.test(name)) await rm(file);
    else entries.push({ name, content: await readFile(file) });
  }
  return entries;
}

async function readJson(file: string) {
  return JSON.parse(await readFile(file, 'utf8'));
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

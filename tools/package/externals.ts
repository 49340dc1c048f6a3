import { readdir, readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';

interface LockedPackage {
  version?: string;
  dev?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** The part of npm's lock file (version 3) that matters here. */
export interface Lock {
  lockfileVersion: number;
  packages: Record<string, LockedPackage>;
}

const imported = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*(?:"([^"'`\s]+)"|'([^"'`\s]+)')/g;

/**
 * The packages that the scripts of a folder import and do not contain, sorted. A text that only looks like an import
 * counts where a package of that name is installed, so this errs on the side of a package too many.
 * @throws Error where a script imports a package that is there for development only
 */
export async function externalsOf(folder: string, lock: Lock): Promise<string[]> {
  const found = new Set<string>();
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.js')) continue;
    for (const match of (await readFile(path.join(folder, file), 'utf8')).matchAll(imported)) {
      const name = packageOf(match[1] ?? match[2] ?? '');
      const locked = lock.packages[`node_modules/${name}`];
      if (name === '' || isBuiltin(name) || !locked) continue;
      if (locked.dev) throw new Error(`${file} imports ${name}, which package.json has for development only`);
      found.add(name);
    }
  }
  return [...found].sort();
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('.') || specifier.startsWith('/')) return '';
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The versions of the packages named, exactly as locked. Throws an Error where the lock has no such package. */
export function versionsOf(lock: Lock, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const version = lock.packages[`node_modules/${name}`]?.version;
      if (version === undefined) throw new Error(`package-lock.json has no ${name}`);
      return [name, version];
    }),
  );
}

/** A lock file of the packages named and all that they need, every platform's; the same versions and checksums. */
export function lockOf(lock: Lock, root: { name: string; version: string }, names: readonly string[]): Lock {
  const kept = new Map<string, LockedPackage>();
  const visit = (from: string, name: string, optional: boolean) => {
    const place = resolve(lock, from, name);
    if (place === undefined) {
      if (optional) return;
      throw new Error(`package-lock.json has no ${name}, which ${from || 'the app'} needs`);
    }
    if (kept.has(place)) return;
    const locked = lock.packages[place]!;
    kept.set(place, locked);
    for (const each of Object.keys(locked.dependencies ?? {})) visit(place, each, false);
    for (const each of Object.keys(locked.optionalDependencies ?? {})) visit(place, each, true);
    for (const each of Object.keys(locked.peerDependencies ?? {}))
      visit(place, each, locked.peerDependenciesMeta?.[each]?.optional === true);
  };
  for (const name of names) visit('', name, false);
  const packages = Object.fromEntries([...kept].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    lockfileVersion: lock.lockfileVersion,
    packages: { '': { ...root, dependencies: versionsOf(lock, names) }, ...packages },
  };
}

/** Where `from` finds `name`, by Node's rule: beside it, else further out. */
function resolve(lock: Lock, from: string, name: string): string | undefined {
  for (let base = from; ; ) {
    const place = base === '' ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (lock.packages[place]) return place;
    if (base === '') return undefined;
    const outer = base.lastIndexOf('/node_modules/');
    base = outer < 0 ? '' : base.slice(0, outer);
  }
}

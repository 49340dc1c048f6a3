/** Function keys, as the runtime has them: one for all of the host's functions, one for each, a master key for admin. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DefinitionError } from './ncrontab.ts';

export type AuthLevel = 'anonymous' | 'function' | 'admin';

export interface Keys {
  readonly master: string;
  /** opens every function */
  readonly host: string;
  /** opens the function of that name, in lower case */
  readonly functions: Readonly<Record<string, string>>;
}

/**
 * Reads the key file, and writes it first (readable by its owner only) where keys are missing.
 * @throws DefinitionError where the file holds something else
 */
export async function openKeys(file: string, functions: readonly string[]): Promise<Keys> {
  const stored = await readKeys(file);
  const names = functions.map((name) => name.toLowerCase());
  const keys: Keys = {
    master: stored.master ?? newKey(),
    host: stored.host ?? newKey(),
    functions: {
      ...stored.functions,
      ...Object.fromEntries(names.map((name) => [name, stored.functions?.[name] ?? newKey()])),
    },
  };
  const text = `${JSON.stringify(keys, null, 2)}\n`;
  if (text !== `${JSON.stringify(stored, null, 2)}\n`) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(`${file}.tmp`, text, { mode: 0o600 });
    await rename(`${file}.tmp`, file);
  }
  return keys;
}

async function readKeys(file: string): Promise<Partial<Keys>> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new DefinitionError(`${file} is no key file: remove it, and new keys are made`);
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
}

/**
 * Whether a request may call a function. The header wins over the query even where its key is wrong; `anonymous` takes
 * any key and none, `function` the function's, the host's or the master key, `admin` the master key alone.
 */
export function mayCall(
  keys: Keys,
  level: AuthLevel,
  name: string,
  given: { header: string | undefined; query: string | undefined },
): boolean {
  if (level === 'anonymous') return true;
  const key = given.header ?? given.query;
  if (key === undefined || key === '') return false;
  const open =
    level === 'admin' ? [keys.master] : [keys.master, keys.host, keys.functions[name.toLowerCase()]];
  return open.some((one) => one !== undefined && same(one, key));
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function newKey(): string {
  return randomBytes(42).toString('base64url');
}

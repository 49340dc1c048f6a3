import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';

export interface SigningKeys {
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** the public parts, newest first */
  published(): JWK[];
  rotate(options?: { forget?: boolean }): Promise<void>;
}

/** RSA keys to sign with, kept in `signing-keys.json` of the folder, which only its owner can read. */
export async function openSigningKeys(folder: string | undefined): Promise<SigningKeys> {
  const file = folder === undefined ? undefined : path.join(folder, 'signing-keys.json');
  // private keys, newest first; the first signs
  let keys: JWK[] = file === undefined ? [] : await readKeys(file);
  const save = async (next: JWK[]) => {
    if (file !== undefined) await writeKeys(file, next);
    keys = next;
  };
  if (keys.length === 0) await save([await newKey()]);

  return {
    async sign(claims, header = {}) {
      const [key] = keys;
      if (key === undefined) throw new Error('there is no key to sign with');
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.kid, ...header })
        .sign(await importJWK(key, 'RS256'));
    },
    published: () => keys.map(({ kty, kid, n, e }) => ({ kty, use: 'sig', kid, alg: 'RS256', n, e })),
    async rotate({ forget = false } = {}) {
      await save([await newKey(), ...(forget ? [] : keys)]);
    },
  };
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = await exportJWK(privateKey);
  return { ...key, kid: await calculateJwkThumbprint(key) };
}

async function readKeys(file: string): Promise<JWK[]> {
  try {
    const { keys }: { keys: JWK[] } = JSON.parse(await readFile(file, 'utf8'));
    return keys;
  } catch (error) {
    // a file that is broken is as good as none: the tokens of before are refused, and new ones are had
    if (
      error instanceof SyntaxError ||
      (error instanceof Error && 'code' in error && error.code === 'ENOENT')
    )
      return [];
    throw error;
  }
}

async function writeKeys(file: string, keys: JWK[]): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.tmp`, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}

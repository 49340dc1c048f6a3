import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** No work leaves its folder as it is for so long, in ms. */
const abandonedAfter = 6 * 3_600_000;

/**
 * Makes a folder of this machine for one piece of work, named with the prefix, in the system's temporary folder or the one
 * given. Remove it afterwards. Where a process was killed before it did, its folder has personal data: those of the same
 * prefix that nothing was put into for six hours are removed here.
 */
export async function makeWorkFolder(prefix: string, within: string = tmpdir()): Promise<string> {
  await mkdir(within, { recursive: true });
  for (const name of await readdir(within)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(within, name);
    const made = await stat(path).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > abandonedAfter) await rm(path, { recursive: true, force: true });
  }
  return mkdtemp(join(within, prefix));
}

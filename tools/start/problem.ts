/** Something that keeps `npm start` from starting or going on; its message is one line that says what to do. */
export class StartProblem extends Error {}

/** The code of a system error (`ENOSPC`, `EADDRINUSE` …), undefined for any other value. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What to do about a data folder that cannot be written, by the code of the error met there. */
export function folderProblem(folder: string, code: string): StartProblem {
  const why: Record<string, string> = {
    ENOSPC: `the disk of the data folder ${folder} is full: make room`,
    EDQUOT: `the disk quota for the data folder ${folder} is used up: make room`,
    EACCES: `the data folder ${folder} cannot be written: change its permissions`,
    EPERM: `the data folder ${folder} cannot be written: change its permissions`,
    EROFS: `the data folder ${folder} is on a read-only file system: make it writable`,
    ENOTDIR: `the data folder ${folder} cannot be made, since part of its path is a file: remove that`,
    EEXIST: `the data folder ${folder} is a file: remove it`,
  };
  return new StartProblem(
    `${why[code] ?? `the data folder ${folder} cannot be used (${code}): mend it`}, or give another with --data`,
  );
}

/** A command line that cannot be run; the message says why. */
export class UsageError extends Error {}

/** A file that does not hold what the command needs; the message says why. */
export class FileError extends Error {}

/** The value of an option that has to be there. Throws UsageError. */
export function need(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is needed.`);
  return value;
}

/** The whole number of an option. Throws UsageError. */
export function whole(value: string | undefined, name: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0)
    throw new UsageError(`--${name} must be a whole number, not ${value}.`);
  return number;
}

/** A fault of a rule while it runs: it ends the clause, never the assessment. `site` is an index into the program's places. */
export class Fault {
  readonly site: number;
  readonly code: string;
  readonly message: string;
  constructor(site: number, code: string, message: string) {
    this.site = site;
    this.code = code;
    this.message = message;
  }
}

export function fail(site: number, code: string, message: string): never {
  throw new Fault(site, code, message);
}

const shownLength = 60;

/** A value as a fault message shows it. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? 'null');
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}

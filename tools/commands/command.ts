/** Where a command writes. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

/** One subcommand of `npx holdfast`. */
export interface Command {
  name: string;
  /** `check FILE…` */
  usage: string;
  summary: string;
  /** what `--help` shows, where `usage` does not say all */
  help?(): Promise<string>;
  /** Runs it; the answer is the exit code: 0 fine, 1 something is wrong with the files, 2 with the call. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

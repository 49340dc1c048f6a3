/** As the Functions runtime names its levels. */
export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** the function that spoke; the host itself where absent */
  readonly function?: string;
  readonly invocation?: string;
}

export type Log = (line: LogLine) => void;

const SHOWN: readonly LogLevel[] = ['information', 'warning', 'error', 'critical'];

/** Writes lines from `information` up to the terminal, warnings and worse to standard error. */
export const consoleLog: Log = ({ level, message, function: name }) => {
  if (!SHOWN.includes(level)) return;
  const line = `[${new Date().toISOString()}] ${level === 'information' ? '' : `${level}: `}${name === undefined ? '' : `${name}: `}${message}\n`;
  (level === 'information' ? process.stdout : process.stderr).write(line);
};

/** What was thrown, as text for a log: an error's stack, anything else as a string. */
export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

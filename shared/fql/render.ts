import type { Diagnostic } from './types.ts';

const tab = '    ';

/** A line as it is shown: tabs as four spaces, so that what stands under it lines up. */
const shownLine = (text: string): string => text.replaceAll('\t', tab);
const widthOf = (text: string): number => [...shownLine(text)].length;

/**
 * Diagnostics as a compiler prints them: `name:line:column`, the message, the line, the offending text underlined.
 * `sourceOf` gives the text of a clause (or of the condition, where `clause` is absent).
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sourceOf: (d: Diagnostic) => { name: string; text: string },
): string {
  return diagnostics.map((d) => renderDiagnostic(d, sourceOf(d))).join('\n');
}

function renderDiagnostic(d: Diagnostic, source: { name: string; text: string }): string {
  const lines = source.text.split('\n');
  const line = (lines[d.line - 1] ?? '').replace(/\r$/, '');
  const number = String(d.line);
  const margin = ' '.repeat(number.length);
  const start = Math.min(d.column - 1, line.length);
  const end = d.endLine === d.line ? Math.min(d.endColumn - 1, line.length) : line.length;
  const indent = ' '.repeat(widthOf(line.slice(0, start)));
  const underline = '^'.repeat(Math.max(1, widthOf(line.slice(start, Math.max(start, end)))));
  return [
    `${source.name}:${d.line}:${d.column}: ${d.severity} [${d.code}]`,
    `${margin} |`,
    `${number} | ${shownLine(line)}`,
    `${margin} | ${indent}${underline}`,
    `${d.message}`,
    '',
  ].join('\n');
}

import { type Diagnostic, renderDiagnostics } from '../fql/index.ts';

/** The parts of a resource that hold code, by the name that diagnostics call them; `''` is the condition. */
function codeOf(content: unknown): Map<string, string> {
  const texts = new Map<string, string>();
  if (typeof content !== 'object' || content === null) return texts;
  if ('condition' in content && typeof content.condition === 'string') texts.set('', content.condition);
  for (const member of ['clauses', 'outputs'] as const) {
    const parts: unknown = Object.entries(content).find(([name]) => name === member)?.[1];
    for (const part of Array.isArray(parts) ? parts : []) texts.set(String(part.name), String(part.code));
  }
  const velocities: unknown = 'velocities' in content ? content.velocities : [];
  for (const [index, code] of (Array.isArray(velocities) ? velocities : []).entries()) {
    const alias = /\bas\s+([a-z_]\w*)/i.exec(String(code))?.[1];
    texts.set(alias ?? `velocity ${index + 1}`, String(code));
  }
  return texts;
}

/** Diagnostics of a resource as a compiler prints them: each with its line and the offending text underlined. */
export function renderedDiagnostics(
  name: string,
  content: unknown,
  diagnostics: readonly Diagnostic[],
): string {
  const texts = codeOf(content);
  return renderDiagnostics(diagnostics, ({ clause = '' }) => ({
    name: clause === '' ? name : `${name}/${clause}`,
    text: texts.get(clause) ?? '',
  }));
}

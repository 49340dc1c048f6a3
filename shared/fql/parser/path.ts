import type { PathStep } from '../tree.ts';

/** Splits `a.b[0].c` into steps; undefined when it is no path. */
export function parsePath(text: string): PathStep[] | undefined {
  const steps: PathStep[] = [];
  for (const part of text.split('.')) {
    const bracket = part.indexOf('[');
    const name = (bracket < 0 ? part : part.slice(0, bracket)).trim();
    if (name === '' || name.includes(']')) return undefined;
    steps.push(name);
    if (bracket < 0) continue;
    const indexes = part.slice(bracket).trim();
    if (!/^(?:\[\s*[0-9]{1,9}\s*\])+$/.test(indexes)) return undefined;
    for (const index of indexes.slice(1, -1).split('][')) steps.push(Number(index));
  }
  return steps;
}

/** The text of a path, as `parsePath` reads it. */
export function printPath(path: readonly PathStep[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

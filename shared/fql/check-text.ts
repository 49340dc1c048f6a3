import { checkPiece } from './checker/rules.ts';
import { newSession, type Place } from './checker/scope.ts';
import { parse } from './parser.ts';
import type { Diagnostic, Resources } from './types.ts';

/** What a text is by its statements: SELECT a velocity, ROUTETO a routing rule, DO an action, a lone WHEN a condition. */
function placeOf(text: string): Place {
  const { final, when } = parse(text).code;
  if (final === undefined) return when === undefined ? 'decision' : 'condition';
  if (final.kind === 'select') return 'velocity';
  if (final.kind === 'routeto') return 'routing';
  return final.kind === 'do' ? 'action' : 'decision';
}

/** Checks a text that stands alone: a clause, a condition or a velocity. Never throws. */
export function checkText(text: string, resources: Resources): Diagnostic[] {
  return checkPiece(text, placeOf(text), resources, newSession(), {}).diagnostics;
}

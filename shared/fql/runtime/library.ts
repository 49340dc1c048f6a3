import { inRange } from '../library/dates.ts';
import { library } from '../library/index.ts';
import { charAt } from '../library/strings.ts';
import { timeInRange } from '../library/timespans.ts';
import { isScalar, type ScalarType, type Type } from '../type.ts';
import type { Json } from '../types.ts';
import { exists, type ReadyPath, readAs, readJson, score } from './attributes.ts';
import { dateText, spanText } from './dates.ts';
import { asJson, bounded, element, field, makeObject, sameJson, stringAt } from './json.ts';
import { any1, any2, anyOf, anySame, isMany, map1, mapFirst, one } from './many.ts';
import { divideInt, finite, int, numberText, remainderInt } from './numbers.ts';
import type { Outcome } from './outcome.ts';
import {
  assessmentRequest,
  callAssessment,
  callExternal,
  containsKey,
  externalCallRequest,
  foldKey,
  listRequest,
  lookup,
  model,
  modelRequest,
  onSupportList,
  supportListRequest,
  together,
  velocity,
  velocityRequest,
} from './requests.ts';
import { joined } from './texts.ts';
import { defaults, fromJson, jsonText, jsonToDouble, scalarText } from './values.ts';

function scoreNow(o: Outcome, which: 'risk' | 'bot'): number | undefined {
  return score(o.input, which, o.section === 2 || (o.section === 1 && which === 'risk'));
}

function scoreJson(o: Outcome, which: 'risk' | 'bot', path: ReadyPath): Json {
  return scoreNow(o, which) ?? readJson(o.input, path);
}

/** A score as a value of a type; an assessment without that score has an attribute of the name, or nothing. */
function scoreAs(
  o: Outcome,
  which: 'risk' | 'bot',
  type: ScalarType,
  path: ReadyPath,
  site: number,
): unknown {
  const value = scoreNow(o, which);
  return value === undefined ? readAs(type, o.input, path, site) : fromJson[type](value, site);
}

/** The values of `In`'s list, as keys are compared. */
function makeSet(list: string): ReadonlySet<string> {
  return new Set(list.split(',').map(foldKey));
}

function isIn(set: ReadonlySet<string>, value: unknown): boolean {
  return typeof value === 'string' && (set.has(value) || set.has(foldKey(value)));
}

/** A whole number from min to below max: one number per call site and assessment. */
function randomInt(o: Outcome, site: string, min: number, max: number): number {
  if (min >= max) return min;
  const random = o.input.random?.(site) ?? hashed(`${o.input.correlationId ?? ''}|${site}`);
  return Math.min(max - 1, Math.floor(min + random * (max - min)));
}

/** A number in [0, 1) that depends on the text only (FNV-1a, then a finishing mix). */
function hashed(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
}

/** An expression's value as JSON, by its type. */
function toJson(type: Type, value: unknown): Json {
  const single = one(value);
  if (type === 'DateTime') return dateText(Number(single));
  if (type === 'TimeSpan') return spanText(Number(single));
  if (type === 'Response') return bodyOf(single);
  if (type === 'Double' && single === 0) return 0;
  return asJson(single);
}

function bodyOf(response: unknown): Json {
  return typeof response === 'object' && response !== null && 'body' in response
    ? asJson(response.body)
    : null;
}

/** Text of a scalar of a type; of anything else its JSON. */
function toText(type: Type, value: unknown): string {
  const single = one(value);
  return isScalar(type) ? scalarText(type, single) : jsonText(single);
}

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined;
}

const sameText = (a: string, b: string): boolean =>
  a.length === b.length && a.toLowerCase() === b.toLowerCase();

function finiteTime(value: number, site: number): number {
  return timeInRange(finite(value, site), site);
}

/** Everything generated code may call: its only way out of its own text. */
export const runtime = Object.freeze({
  any1,
  any2,
  anyOf,
  anySame,
  assessmentRequest,
  bodyOf,
  bounded,
  callAssessment,
  callExternal,
  charAt,
  containsKey,
  dateInRange: inRange,
  defaults,
  divideInt,
  element,
  exists,
  externalCallRequest,
  field,
  finite,
  finiteTime,
  from: fromJson,
  int,
  isIn,
  isMany,
  isPresent,
  joined,
  jsonToDouble,
  library: library.map((m) => m.run),
  listRequest,
  lookup,
  makeObject,
  makeSet,
  map1,
  mapFirst,
  model,
  modelRequest,
  numberText,
  onSupportList,
  one,
  randomInt,
  readAs,
  readJson,
  remainderInt,
  sameJson,
  sameText,
  scoreAs,
  scoreJson,
  stringAt,
  supportListRequest,
  timeInRange,
  toJson,
  together,
  toText,
  velocity,
  velocityRequest,
});

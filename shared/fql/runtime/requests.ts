import type { Json, Request, VelocityWindow } from '../types.ts';
import { field, isObject, makeObject, put } from './json.ts';
import { any1, map1 } from './many.ts';
import { type Outcome, Suspended } from './outcome.ts';
import { isMissing, jsonToDouble, type Response } from './values.ts';

/** Keys of lists and support lists match without regard to case and to spaces around them. */
export function foldKey(key: string): string {
  return key.trim().toLowerCase();
}

export function velocityRequest(
  environment: string,
  name: string,
  window: VelocityWindow,
  key: string,
): Request {
  const id = `velocity|${environment}|${name}|${window.count}${window.unit}|${key}`;
  return { kind: 'velocity', id, environment, name, key, window };
}

export function supportListRequest(environment: string, list: string, key: string): Request {
  return {
    kind: 'supportList',
    id: `supportList|${environment}|${list.length}|${list}|${foldKey(key)}`,
    environment,
    list,
    key,
  };
}

export function listRequest(environment: string, list: string, column: string, key: string): Request {
  return {
    kind: 'list',
    id: `list|${environment}|${list.length}|${list}|${column.length}|${column}|${foldKey(key)}`,
    environment,
    list,
    column,
    key,
  };
}

/** A velocity's value; 0 for an empty key. */
export function velocity(
  o: Outcome,
  environment: string,
  name: string,
  window: VelocityWindow,
  key: unknown,
  site: number,
): number {
  if (typeof key !== 'string' || key === '') return 0;
  const { value } = o.ask(velocityRequest(environment, name, window, key), site);
  return typeof value === 'number' ? value : 0;
}

/** Whether any of the keys is on the support list with the status wanted. */
export function onSupportList(
  o: Outcome,
  environment: string,
  list: string,
  status: string,
  key: unknown,
  site: number,
): boolean {
  return any1(key, (k) => {
    if (typeof k !== 'string' || k.trim() === '') return false;
    const { value } = o.ask(supportListRequest(environment, list, k), site);
    if (!isObject(value)) return false;
    return status === 'any' || field(value, 'status', 'status') === status;
  });
}

export function containsKey(
  o: Outcome,
  environment: string,
  list: string,
  column: string,
  key: unknown,
  site: number,
): boolean {
  return any1(key, (k) => {
    if (typeof k !== 'string' || k.trim() === '') return false;
    return isObject(o.ask(listRequest(environment, list, column, k), site).value);
  });
}

export function lookup(
  o: Outcome,
  environment: string,
  list: string,
  column: string,
  key: unknown,
  wanted: string,
  otherwise: unknown,
  site: number,
): unknown {
  return map1(key, (k) => {
    if (typeof k !== 'string' || k.trim() === '') return otherwise;
    const row = o.ask(listRequest(environment, list, column, k), site).value;
    if (!isObject(row)) return otherwise;
    const found = field(row, wanted, wanted.toLowerCase());
    return typeof found === 'string' ? found : otherwise;
  });
}

export function externalCallRequest(
  o: Outcome,
  environment: string,
  name: string,
  site: number,
  args: string[],
): Request {
  const id = JSON.stringify(['externalCall', environment, name, ...args]);
  return { kind: 'externalCall', id, environment, name, arguments: args, ...o.placeOf(site) };
}

export function callExternal(
  o: Outcome,
  environment: string,
  name: string,
  site: number,
  ...args: string[]
): Response {
  return responseOf(o, externalCallRequest(o, environment, name, site, args), site);
}

function responseOf(o: Outcome, request: Request, site: number): Response {
  const answer = o.ask(request, site);
  return { body: answer.value ?? {}, diagnostics: answer.diagnostics ?? {} };
}

/** The body for an external assessment: the base's fields, the named ones over them. */
export function assessmentBody(base: unknown, entries: readonly unknown[]): Record<string, Json> {
  const body: Record<string, Json> = {};
  if (isObject(base)) for (const [key, value] of Object.entries(base)) put(body, key, value ?? null);
  const named = makeObject(...entries);
  for (const key of Object.keys(named)) put(body, key, named[key] ?? null);
  return body;
}

export function assessmentRequest(
  o: Outcome,
  environment: string,
  name: string,
  operation: 'evaluate' | 'observe' | 'label',
  site: number,
  base: unknown,
  entries: readonly unknown[],
): Request {
  const body = assessmentBody(base, entries);
  const id = JSON.stringify(['externalAssessment', environment, name, operation, body]);
  return { kind: 'externalAssessment', id, environment, name, operation, body, ...o.placeOf(site) };
}

export function callAssessment(
  o: Outcome,
  environment: string,
  name: string,
  operation: 'evaluate' | 'observe' | 'label',
  site: number,
  base: unknown,
  ...entries: readonly unknown[]
): Response {
  return responseOf(o, assessmentRequest(o, environment, name, operation, site, base, entries), site);
}

export function modelRequest(model: 'risk' | 'bot', context?: string): Request {
  return context === undefined
    ? { kind: 'model', id: `model|${model}`, model }
    : { kind: 'model', id: `model|${model}|${context}`, model, context };
}

/** A model's result: `{ score, reason }`. */
export function model(o: Outcome, which: 'risk' | 'bot', site: number, context?: string): Json {
  const { value } = o.ask(modelRequest(which, context), site);
  const score = isObject(value) ? field(value, 'score', 'score') : value;
  const reason = isObject(value) ? field(value, 'reason', 'reason') : null;
  return { score: jsonToDouble(score, site), reason: isMissing(reason) ? '' : reason };
}

/** Starts together the calls that are certain to be made: asks for all, suspends once with those still missing. */
export function together(o: Outcome, requests: readonly Request[]): void {
  const missing = new Map<string, Request>();
  for (const request of requests)
    if (o.input.answer?.(request) === undefined) missing.set(request.id, request);
  if (missing.size > 0) throw new Suspended([...missing.values()]);
}

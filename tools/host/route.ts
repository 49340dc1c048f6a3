/**
 * Routes of HTTP functions, matched as the runtime matches them: ASP.NET Core's route templates, function by function in
 * the order of their names (github.com/dotnet/aspnetcore, `RoutePatternMatcher`; `WebScriptHostHttpRoutesManager`).
 */

/** A route the runtime would refuse; the message says why. */
export class RouteError extends Error {}

export interface Route {
  readonly template: string;
  readonly segments: readonly Segment[];
}

type Params = Record<string, string>;
type Constraint = { readonly text: string; holds(value: string): boolean };
type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'parameter';
      readonly name: string;
      readonly catchAll: boolean;
      readonly optional: boolean;
      readonly fallback: string | undefined;
      readonly constraints: readonly Constraint[];
    }
  | {
      readonly kind: 'mixed';
      readonly text: string;
      /** tried in order; the second lacks an optional last parameter */
      readonly patterns: readonly RegExp[];
      readonly parameters: readonly { readonly name: string; readonly constraints: readonly Constraint[] }[];
    };

/**
 * Reads a template: `orders/{id:int}/{*rest}`.
 * @throws RouteError
 */
export function parseRoute(template: string): Route {
  const text = template.replace(/^~?\//, '');
  if (text.includes('//') || text.includes('?/')) throw new RouteError(`'${template}' has an empty segment`);
  const parts = text.replace(/\/$/, '').split('/');
  const segments = text === '' ? [] : parts.map((part) => parseSegment(part, template));
  const names = segments.flatMap(parameterNames).map((name) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new RouteError(`'${template}' has the parameter '${twice}' twice`);
  const early = segments
    .slice(0, -1)
    .find((one) => one.kind === 'parameter' && (one.catchAll || one.optional));
  if (early?.kind === 'parameter' && early.catchAll)
    throw new RouteError(`'${template}': the catch-all parameter '${early.name}' must come last`);
  return { template, segments };
}

function parameterNames(segment: Segment): string[] {
  if (segment.kind === 'parameter') return [segment.name];
  return segment.kind === 'mixed' ? segment.parameters.map(({ name }) => name) : [];
}

function parseSegment(text: string, template: string): Segment {
  const tokens = text.match(/\{\{|\}\}|\{(?:[^{}]|\{\{|\}\})*\}|[^{}]+|[{}]/g) ?? [];
  const isParameter = (token: string) => token.length > 1 && token.startsWith('{') && token !== '{{';
  if (tokens.some((token) => token === '{' || token === '}'))
    throw new RouteError(`'${template}' has a brace without its pair in '${text}'`);
  const only = tokens[0];
  if (tokens.length === 1 && only !== undefined && isParameter(only)) return parseParameter(only, template);
  if (!tokens.some(isParameter))
    return { kind: 'literal', text: text.replaceAll('{{', '{').replaceAll('}}', '}') };

  const parameters: { name: string; constraints: readonly Constraint[] }[] = [];
  let optionalFrom = -1;
  const sources = tokens.map((token, index) => {
    if (!isParameter(token)) return escapeRegExp(token.replace('{{', '{').replace('}}', '}'));
    const parameter = parseParameter(token, template);
    if (parameter.kind !== 'parameter' || parameter.catchAll)
      throw new RouteError(`'${template}': a catch-all parameter must be a segment of its own`);
    if (parameter.optional) {
      if (index !== tokens.length - 1 || tokens[index - 1] !== '.')
        throw new RouteError(
          `'${template}': an optional parameter within a segment must be its end, after a '.'`,
        );
      optionalFrom = index - 1;
    }
    parameters.push(parameter);
    return '(.+)';
  });
  const pattern = (parts: string[]) => new RegExp(`^${parts.join('')}$`, 'is');
  const patterns =
    optionalFrom < 0 ? [pattern(sources)] : [pattern(sources), pattern(sources.slice(0, optionalFrom))];
  return { kind: 'mixed', text, patterns, parameters };
}

function parseParameter(token: string, template: string): Segment {
  const inner = token.slice(1, -1).replaceAll('{{', '{').replaceAll('}}', '}');
  const parts = /^(\*{0,2})([^*?:=/{}]+)((?::[^:(=?]+(?:\((?:.*?)\))?(?=[:=?]|$))*)(?:=(.*?))?(\?)?$/s.exec(
    inner,
  );
  const name = parts?.[2];
  if (!parts || name === undefined) throw new RouteError(`'${template}': '${token}' is no parameter`);
  const catchAll = parts[1] !== '';
  const optional = parts[5] === '?';
  if (catchAll && optional) throw new RouteError(`'${template}': a catch-all parameter cannot be optional`);
  const constraints = (parts[3] ?? '').match(/:[^:(]+(?:\(.*?\)(?=:|$))?/gs) ?? [];
  return {
    kind: 'parameter',
    name,
    catchAll,
    optional,
    fallback: parts[4],
    constraints: constraints.map((text) => constraint(text.slice(1), template)),
  };
}

/** ASP.NET Core's inline constraints. They look at the text only; the value stays a string. */
function constraint(text: string, template: string): Constraint {
  const [, name = '', argument = ''] = /^([^(]+)(?:\((.*)\))?$/s.exec(text) ?? [];
  const [first = Number.NaN, second = first] = argument.split(',').map(Number);
  const whole = (value: string, bits: bigint) => {
    const trimmed = value.trim();
    if (!/^[+-]?\d+$/.test(trimmed)) return false;
    const number = BigInt(trimmed.replace('+', ''));
    return number >= -(1n << (bits - 1n)) && number < 1n << (bits - 1n);
  };
  const decimal = (value: string) => /^\s*[+-]?(\d[\d,]*\.?\d*|\.\d+)\s*$/.test(value);
  const float = (value: string) =>
    /^\s*[+-]?((\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?|infinity|∞|nan)\s*$/i.test(value);
  const long = (value: string) => whole(value, 64n);
  const known: Record<string, (value: string) => boolean> = {
    int: (value) => whole(value, 32n),
    long,
    bool: (value) => /^\s*(true|false)\s*$/i.test(value),
    datetime: (value) => !Number.isNaN(Date.parse(value)),
    decimal,
    double: float,
    float,
    guid: (value) =>
      /^([{(]?)[0-9a-f]{8}(-?)[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{12}[})]?$/i.test(value),
    alpha: (value) => /^[a-z]*$/i.test(value),
    minlength: (value) => value.length >= first,
    maxlength: (value) => value.length <= first,
    length: (value) => value.length >= first && value.length <= second,
    min: (value) => long(value) && Number(value) >= first,
    max: (value) => long(value) && Number(value) <= first,
    range: (value) => long(value) && Number(value) >= first && Number(value) <= second,
    required: (value) => value !== '',
    file: isFile,
    nonfile: (value) => !isFile(value),
  };
  if (name === 'regex') {
    const pattern = new RegExp(argument, 'i');
    return { text, holds: (value) => pattern.test(value) };
  }
  const holds = known[name.toLowerCase()];
  if (holds === undefined) throw new RouteError(`'${template}': there is no constraint '${name}'`);
  return { text, holds };
}

function isFile(value: string): boolean {
  return /\.[^./]+$/.test(value);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/**
 * The parameters of a path that a route matches, undefined where it does not. The path begins with `/` and is decoded,
 * save `%2F`: an encoded slash never separates segments, and stays as it is in a parameter.
 */
export function matchRoute({ segments }: Route, path: string): Params | undefined {
  const params: Params = {};
  let start = 1;
  for (const segment of segments) {
    const rest = start < path.length;
    if (segment.kind === 'parameter' && segment.catchAll) {
      // takes anything, but a segment before it that is empty is no match
      const value = rest ? path.slice(start) : segment.fallback;
      if (value?.startsWith('/')) return undefined;
      if (value !== undefined) params[segment.name] = value;
      return segment.constraints.every((one) => one.holds(value ?? '')) ? params : undefined;
    }
    if (!rest) {
      if (segment.kind !== 'parameter' || !(segment.optional || segment.fallback !== undefined))
        return undefined;
      if (segment.fallback !== undefined) params[segment.name] = segment.fallback;
      continue;
    }
    const slash = path.indexOf('/', start);
    const value = slash < 0 ? path.slice(start) : path.slice(start, slash);
    start = slash < 0 ? path.length : slash + 1;
    if (value === '' || !matchSegment(segment, value, params)) return undefined;
  }
  return start >= path.length ? params : undefined;
}

function matchSegment(segment: Segment, value: string, params: Params): boolean {
  if (segment.kind === 'literal') return sameText(segment.text, value);
  if (segment.kind === 'parameter') {
    params[segment.name] = value;
    return segment.constraints.every((one) => one.holds(value));
  }
  for (const pattern of segment.patterns) {
    const found = pattern.exec(value);
    if (!found) continue;
    const values = segment.parameters.flatMap((parameter, index) => {
      const text = found[index + 1];
      return text === undefined ? [] : [{ parameter, text }];
    });
    if (!values.every(({ parameter, text }) => parameter.constraints.every((one) => one.holds(text))))
      return false;
    for (const { parameter, text } of values) params[parameter.name] = text;
    return true;
  }
  return false;
}

function sameText(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());
}

/** Whether some path exists that both routes match. Constraints are asked of literals only. */
export function routesOverlap(a: Route, b: Route): boolean {
  const walk = (index: number): boolean => {
    const [left, right] = [a.segments[index], b.segments[index]];
    if (left === undefined || right === undefined)
      return [...a.segments.slice(index), ...b.segments.slice(index)].every(mayBeMissing);
    if (isCatchAll(left) || isCatchAll(right)) return true;
    if (left.kind === 'literal' && right.kind === 'literal' && !sameText(left.text, right.text)) return false;
    if (left.kind === 'literal' && !matchSegment(right, left.text, {})) return false;
    if (right.kind === 'literal' && !matchSegment(left, right.text, {})) return false;
    return walk(index + 1);
  };
  return walk(0);
}

/** Whether `wide` matches every path that `narrow` matches. */
export function routeCovers(wide: Route, narrow: Route): boolean {
  const walk = (index: number): boolean => {
    const [left, right] = [wide.segments[index], narrow.segments[index]];
    if (left !== undefined && isCatchAll(left))
      return left.kind === 'parameter' && left.constraints.length === 0;
    if (right === undefined) return wide.segments.slice(index).every(mayBeMissing);
    if (left === undefined || isCatchAll(right)) return false;
    if (mayBeMissing(right) && !mayBeMissing(left)) return false;
    if (right.kind === 'literal' ? !matchSegment(left, right.text, {}) : !takesAll(left, right)) return false;
    return walk(index + 1);
  };
  return walk(0);
}

function takesAll(left: Segment, right: Segment): boolean {
  if (left.kind === 'mixed') return right.kind === 'mixed' && sameText(left.text, right.text);
  if (left.kind === 'literal') return false;
  const theirs = right.kind === 'parameter' ? right.constraints.map(({ text }) => text) : [];
  return left.constraints.every(({ text }) => theirs.includes(text));
}

function isCatchAll(segment: Segment): boolean {
  return segment.kind === 'parameter' && segment.catchAll;
}

function mayBeMissing(segment: Segment): boolean {
  return (
    segment.kind === 'parameter' && (segment.catchAll || segment.optional || segment.fallback !== undefined)
  );
}

import type { ScalarType, Type } from '../type.ts';
import type { Json } from '../types.ts';

/**
 * What a parameter takes. `Text`: any scalar, as its text. `Any`: any value, as JSON. `Body`: any value as text, JSON
 * where it is an object or array.
 */
export type ParameterType = Type | 'Text' | 'Any' | 'Body';

export interface Parameter {
  name: string;
  type: ParameterType;
  /** Must be a constant of the source. */
  constant?: true;
}

/**
 * What becomes of arguments that are many (a path across an array): `any`: the result (a Boolean) holds if it holds for
 * any of their elements; `map`: the first argument's elements are mapped; `first`: each argument's first element is taken.
 */
export type Lift = 'any' | 'map' | 'first';

/** One row of the library: the checker, the compiler, the documentation and its tests all read this. */
export interface Member {
  /** The type it is called on (`String`), or the word before the dot (`Math`), or '' for a function that stands alone. */
  owner: string;
  /** Set when it is called on a value. */
  receiver?: Type;
  name: string;
  /** `property`: without parentheses. */
  kind: 'method' | 'property';
  params: readonly Parameter[];
  result: Type;
  lift: Lift;
  /** Computes the value from (the run's input, if `input`), the receiver, the arguments, and a site if it can fault. */
  run: (...values: never[]) => unknown;
  /** JavaScript for `run`, with $0, $1 … for the values; faster than the call. */
  inline?: string;
  /** The values it may see, and what then is a fault. Absent: it never faults. */
  faults?: string;
  /** The last parameter may repeat, up to so many times. */
  rest?: number;
  /** `run` takes the run's input first. */
  input?: true;
  /** Checks constant arguments when the rule is compiled; returns what is wrong. */
  checkConstants?: (values: readonly unknown[]) => string | undefined;
  summary: string;
  /** A FQL expression, and its value over the documentation's sample. */
  example: readonly [code: string, value: Json];
}

type Details = Partial<Pick<Member, 'inline' | 'faults' | 'input' | 'lift' | 'checkConstants'>>;
type Parameters_ = readonly (
  | readonly [name: string, type: ParameterType]
  | readonly [name: string, type: ParameterType, constant: 'constant']
)[];

function parameters(list: Parameters_): Parameter[] {
  return list.map(([name, type, constant]) =>
    constant === undefined ? { name, type } : { name, type, constant: true },
  );
}

/** A method of a value. */
export function method(
  receiver: Type,
  name: string,
  params: Parameters_,
  result: Type,
  run: Member['run'],
  summary: string,
  example: Member['example'],
  details: Details = {},
): Member {
  const lift = result === 'Boolean' ? 'any' : 'map';
  return {
    owner: receiver,
    receiver,
    name,
    kind: 'method',
    params: parameters(params),
    result,
    lift,
    run,
    summary,
    example,
    ...details,
  };
}

/** A property of a value. */
export function property(
  receiver: Type,
  name: string,
  result: Type,
  run: Member['run'],
  summary: string,
  example: Member['example'],
  details: Details = {},
): Member {
  return { ...method(receiver, name, [], result, run, summary, example, details), kind: 'property' };
}

/** A function after a word and a dot (`Math.Abs`), or standing alone where `owner` is ''. */
export function fn(
  owner: string,
  name: string,
  params: Parameters_,
  result: Type,
  run: Member['run'],
  summary: string,
  example: Member['example'],
  details: Details = {},
): Member {
  return {
    owner,
    name,
    kind: 'method',
    params: parameters(params),
    result,
    lift: 'first',
    run,
    summary,
    example,
    ...details,
  };
}

/** A constant or clock after a word and a dot (`Math.PI`). */
export function constant(
  owner: string,
  name: string,
  result: Type,
  run: Member['run'],
  summary: string,
  example: Member['example'],
  details: Details = {},
): Member {
  return { ...fn(owner, name, [], result, run, summary, example, details), kind: 'property' };
}

export type { ScalarType };

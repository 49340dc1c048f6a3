import type { Member, Parameter } from '../library/member.ts';
import type { Argument } from '../tree.ts';
import { aType, isScalar } from '../type.ts';
import { asBody, asJson, asText, castHint, coerce, errorAt, isConstant } from './coerce.ts';
import { check } from './expressions.ts';
import { report, type Scope } from './scope.ts';
import type { Typed } from './typed.ts';

/** Checks arguments that may not be named. */
export function positional(scope: Scope, args: readonly Argument[], callee: string): Typed[] {
  return args.map((a) => {
    if (a.name !== undefined) {
      report(
        scope,
        'unexpected-name',
        `${callee} takes its arguments by position: leave out "${a.name} =".`,
        a,
      );
    }
    return check(scope, a.value);
  });
}

function parameterAt(member: Member, index: number): Parameter | undefined {
  return member.params[index] ?? (member.rest === undefined ? undefined : member.params.at(-1));
}

function takes(member: Member, count: number): boolean {
  if (member.rest === undefined) return count === member.params.length;
  return count >= member.params.length && count < member.params.length + member.rest;
}

/**
 * How badly an argument fits a parameter: 0 exactly, more with conversion, Infinity not at all. What has no type of its
 * own is rather a Double than an Int32, whatever stands beside it: Math.Max(@"totalAmount", 100).
 */
export function misfit(arg: Typed, parameter: Parameter): number {
  const to = parameter.type;
  if (arg.type === to || arg.type === 'Error') return 0;
  if (arg.type === 'Open') {
    if (arg.kind === 'arithmetic' && (to === 'DateTime' || to === 'TimeSpan' || to === 'Boolean'))
      return Number.POSITIVE_INFINITY;
    return to === 'Int32' ? 3 : 1;
  }
  if (to === 'Text') return isScalar(arg.type) || arg.type === 'Json' ? 1 : Number.POSITIVE_INFINITY;
  if (to === 'Any' || to === 'Body' || to === 'Json')
    return asJson(arg) === undefined ? Number.POSITIVE_INFINITY : 3;
  if (to === 'Double' && arg.type === 'Int32') return 1;
  if ((arg.type === 'Json' || arg.type === 'Response') && isScalar(to)) return to === 'Int32' ? 4 : 2;
  return Number.POSITIVE_INFINITY;
}

/** The overload that fits best, or a report of why none does. */
export function chooseOverload(
  scope: Scope,
  overloads: readonly Member[],
  args: readonly Typed[],
  at: { start: number; end: number },
): Member | undefined {
  const byCount = overloads.filter((m) => takes(m, args.length));
  if (byCount.length === 0) {
    report(scope, 'argument-count', `${signatures(overloads)}, but ${counted(args.length)} given here.`, at);
    return undefined;
  }
  let best = byCount[0];
  let least = Number.POSITIVE_INFINITY;
  for (const member of byCount) {
    const total = args.reduce((sum, arg, i) => sum + misfit(arg, parameterAt(member, i)!), 0);
    if (total < least) {
      least = total;
      best = member;
    }
  }
  return best;
}

export function counted(count: number): string {
  return count === 0 ? 'none is' : count === 1 ? 'one is' : `${count} are`;
}

function signatures(overloads: readonly Member[]): string {
  const texts = [...new Set(overloads.map((m) => `${m.name}(${m.params.map((p) => p.name).join(', ')})`))];
  return `Known is ${texts.join(' and ')}`;
}

/** Converts the arguments to what the member's parameters take. */
export function fitArguments(scope: Scope, member: Member, args: readonly Typed[]): Typed[] | undefined {
  const fitted = args.map((arg, i) => fitOne(scope, member, arg, parameterAt(member, i)!));
  if (fitted.some((f) => f.type === 'Error')) return undefined;
  if (member.params.some((p) => p.constant)) {
    for (const [i, parameter] of member.params.entries()) {
      const arg = fitted[i];
      if (parameter.constant === undefined || arg === undefined || isConstant(arg)) continue;
      report(
        scope,
        'constant-expected',
        `The ${parameter.name} of ${member.name} must be a constant: write the text itself.`,
        arg,
      );
      return undefined;
    }
    const wrong = member.checkConstants?.(fitted.map((f) => (isConstant(f) ? f.value : undefined)));
    if (wrong !== undefined) {
      report(scope, 'bad-constant', wrong, fitted[0]!);
      return undefined;
    }
  }
  return fitted;
}

function fitOne(scope: Scope, member: Member, arg: Typed, parameter: Parameter): Typed {
  const what = `The ${parameter.name} of ${member.name}`;
  switch (parameter.type) {
    case 'Text':
      return asText(scope, arg, what);
    case 'Body':
      return asBody(scope, arg, what);
    case 'Any': {
      const json = asJson(arg);
      if (json !== undefined) return json;
      report(
        scope,
        'type-mismatch',
        `${what} must be a value, but this is ${aType(arg.type)}.${castHint(arg.type, 'Json')}`,
        arg,
      );
      return errorAt(arg);
    }
    default:
      return coerce(scope, arg, parameter.type, what);
  }
}

/** A call of a library member with arguments that fit. */
export function makeCall(member: Member, args: readonly Typed[], at: { start: number; end: number }): Typed {
  const many = member.lift === 'map' && args[0]?.many === true;
  return { kind: 'call', member, args: [...args], type: member.result, many, start: at.start, end: at.end };
}

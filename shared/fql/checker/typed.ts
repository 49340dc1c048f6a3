import type { Member } from '../library/member.ts';
import type { BinaryOperator, PathStep } from '../tree.ts';
import type { Type } from '../type.ts';
import type { VelocityWindow } from '../types.ts';

/** A variable of LET, in the order of definition. */
export interface Local {
  name: string;
  id: number;
  type: Type;
  many: boolean;
  value: Typed;
  start: number;
  end: number;
  used: boolean;
}

export interface FunctionUse {
  /** Which function, of which environment, which output: the key of the compiled output. */
  key: string;
  name: string;
  environment: string;
}

interface Base {
  type: Type;
  /** At run time it may be `Many`: the values of a path across an array. */
  many: boolean;
  start: number;
  end: number;
}

/** The checked tree: every node has its type, every name is resolved, every conversion is explicit. */
export type Typed = Base &
  (
    | { kind: 'const'; value: string | number | boolean | null }
    | { kind: 'attribute'; path: PathStep[] }
    | { kind: 'payload'; path: PathStep[] }
    | { kind: 'exists'; path: PathStep[] }
    | { kind: 'present'; operand: Typed }
    | { kind: 'local'; local: Local }
    | { kind: 'parameter'; index: number }
    | { kind: 'call'; member: Member; args: Typed[] }
    | { kind: 'field'; target: Typed; name: string }
    | { kind: 'element'; target: Typed; index: Typed }
    | { kind: 'convert'; operand: Typed }
    | { kind: 'text'; operand: Typed }
    | { kind: 'not'; operand: Typed }
    | { kind: 'negate'; operand: Typed }
    | { kind: 'and' | 'or'; operands: Typed[] }
    | { kind: 'compare'; op: BinaryOperator; left: Typed; right: Typed; ignoreCase?: true }
    | { kind: 'arithmetic'; op: BinaryOperator; left: Typed; right: Typed }
    | { kind: 'conditional'; test: Typed; then: Typed; otherwise: Typed }
    | { kind: 'array'; items: Typed[] }
    | { kind: 'object'; entries: { key: string; value: Typed }[] }
    | { kind: 'in'; value: Typed; set: Typed }
    | { kind: 'random'; min: Typed; max: Typed; home?: string }
    | { kind: 'variable'; key: string }
    | { kind: 'velocity'; environment: string; name: string; key: Typed; window: VelocityWindow }
    | {
        kind: 'supportList';
        environment: string;
        list: string;
        key: Typed;
        status: 'any' | 'Safe' | 'Block' | 'Watch';
      }
    | { kind: 'containsKey'; environment: string; list: string; column: string; key: Typed }
    | {
        kind: 'lookup';
        environment: string;
        list: string;
        column: string;
        key: Typed;
        value: string;
        otherwise: Typed;
      }
    | { kind: 'externalCall'; environment: string; name: string; args: Typed[] }
    | {
        kind: 'assessment';
        environment: string;
        name: string;
        operation: 'evaluate' | 'observe' | 'label';
        base: Typed | undefined;
        entries: { key: string; value: Typed }[];
      }
    | { kind: 'model'; model: 'risk' | 'bot'; context: Typed | undefined }
    | { kind: 'function'; use: FunctionUse; args: Typed[] }
    | { kind: 'error' }
  );

export interface KeyValue {
  key: string;
  value: Typed;
}

export interface CheckedDecision {
  decision: 'Approve' | 'Reject' | 'Review' | 'Challenge';
  challengeType?: Typed;
  reason?: Typed;
  supportMessage?: Typed;
}

export type CheckedStatement =
  | { kind: 'let'; local: Local }
  | { kind: 'set'; values: KeyValue[]; start: number; end: number };

export interface Observation {
  kind: 'output' | 'trace' | 'response' | 'variables';
  /** The section of SetResponse. */
  section?: string;
  values: KeyValue[];
}

export type CheckedFinal =
  | { kind: 'return'; decision: CheckedDecision; observations: Observation[] }
  | { kind: 'observe' | 'do'; observations: Observation[] }
  | { kind: 'routeto'; queue: Typed }
  | {
      kind: 'select';
      aggregate: 'count' | 'distinct' | 'sum';
      argument?: Typed;
      name: string;
      from: string[];
      groupBy: Typed;
    }
  | { kind: 'value'; value: Typed };

export interface CheckedCode {
  statements: CheckedStatement[];
  when?: Typed;
  final?: CheckedFinal;
}

/** The nodes directly under a node, in the order they are evaluated. */
export function children(node: Typed): readonly Typed[] {
  switch (node.kind) {
    case 'present':
    case 'convert':
    case 'text':
    case 'not':
    case 'negate':
      return [node.operand];
    case 'call':
    case 'externalCall':
    case 'function':
      return node.args;
    case 'field':
      return [node.target];
    case 'element':
      return [node.target, node.index];
    case 'and':
    case 'or':
      return node.operands;
    case 'compare':
    case 'arithmetic':
      return [node.left, node.right];
    case 'conditional':
      return [node.test, node.then, node.otherwise];
    case 'array':
      return node.items;
    case 'object':
      return node.entries.map((e) => e.value);
    case 'in':
      return [node.value, node.set];
    case 'random':
      return [node.min, node.max];
    case 'velocity':
    case 'supportList':
    case 'containsKey':
      return [node.key];
    case 'lookup':
      return [node.key, node.otherwise];
    case 'assessment':
      return [...(node.base === undefined ? [] : [node.base]), ...node.entries.map((e) => e.value)];
    case 'model':
      return node.context === undefined ? [] : [node.context];
    default:
      return [];
  }
}

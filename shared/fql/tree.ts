/** The syntax tree. `start` and `end` are offsets into the source text; `end` is exclusive. */
export interface Node {
  start: number;
  end: number;
}

export type PathStep = string | number;

export type Expression =
  | (Node & {
      kind: 'literal';
      type: 'String' | 'Int32' | 'Double' | 'Boolean';
      value: string | number | boolean;
    })
  | (Node & { kind: 'window'; text: string })
  | (Node & { kind: 'attribute'; path: PathStep[] })
  | (Node & { kind: 'payload'; path: PathStep[] })
  | (Node & { kind: 'variable'; name: string })
  | (Node & { kind: 'name'; name: string })
  | (Node & { kind: 'member'; target: Expression; name: string; nameStart: number })
  | (Node & { kind: 'index'; target: Expression; index: Expression })
  | (Node & {
      kind: 'call';
      callee: Expression;
      args: Argument[];
      /** The clause and offset it stands at, where another clause has taken over its LET. */
      home?: string;
    })
  | (Node & { kind: 'not'; operand: Expression })
  | (Node & { kind: 'negate'; operand: Expression })
  | (Node & { kind: 'and'; operands: Expression[] })
  | (Node & { kind: 'or'; operands: Expression[] })
  | (Node & { kind: 'binary'; op: BinaryOperator; left: Expression; right: Expression })
  | (Node & { kind: 'conditional'; test: Expression; then: Expression; otherwise: Expression })
  | (Node & { kind: 'array'; items: Expression[] })
  | (Node & { kind: 'object'; entries: Entry[] });

export type BinaryOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '|';

export interface Argument extends Node {
  /** `k` of `k = v`; `$baseInput` keeps its dollar sign. */
  name?: string;
  value: Expression;
}

export interface Entry extends Node {
  key: string;
  value: Expression;
}

export interface Let extends Node {
  kind: 'let';
  name: string;
  nameStart: number;
  nameEnd: number;
  value: Expression;
  /** The clause it stands in, where later clauses know it. */
  clause?: string;
}

/** `DO SetVariables(…)` before the last statement. */
export interface SetVariables extends Node {
  kind: 'set';
  call: Expression;
}

export type Statement = Let | SetVariables;

export type Final =
  | (Node & { kind: 'return'; values: Expression[] })
  | (Node & { kind: 'observe'; values: Expression[] })
  | (Node & { kind: 'do'; values: Expression[] })
  | (Node & { kind: 'routeto'; values: Expression[] })
  | (Node & {
      kind: 'select';
      aggregate: Expression;
      name: string;
      nameStart: number;
      from: EventType[];
      groupBy?: Expression;
    });

export interface EventType extends Node {
  name: string;
}

/** A condition, a clause, a velocity or a function's output. */
export interface Code extends Node {
  statements: Statement[];
  final?: Final;
  when?: Expression;
  /** Where the keyword WHEN stands. */
  whenStart?: number;
}

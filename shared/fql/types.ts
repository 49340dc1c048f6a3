/**
 * The public types of the rules language (FQL). Everything here is plain data or a function; the room does no I/O,
 * knows no clock, and keeps no state between runs.
 */

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

/** A place in the text of one condition or clause; lines and columns count from 1, the end is exclusive. */
export interface Span {
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

/** What the checker found. `clause` is absent for the condition of a rule or velocity set. */
export interface Diagnostic extends Span {
  severity: 'error' | 'warning';
  /** Stable, kebab-case: `unknown-list`, `type-mismatch` … */
  code: string;
  message: string;
  rule?: string;
  clause?: string;
}

export type Section = 'PriorToScoring' | 'PostBotScoring' | 'PostRiskScoring';
export type Behavior = 'RunAllMatching' | 'RunFirstMatching';
/** `decision`: RETURN/OBSERVE; `action`: DO, after the decision; `routing`: ROUTETO. */
export type RuleKind = 'decision' | 'action' | 'routing';

export interface ClauseSource {
  name: string;
  /** A clause without a section sees the scores. */
  section?: Section;
  code: string;
}

export interface RuleSource {
  name: string;
  /** LETs and one `WHEN …`; empty or absent: the rule always matches. */
  condition?: string;
  clauses: readonly ClauseSource[];
}

/** The types a function's parameters and outputs may have. */
export type FunctionType = 'Boolean' | 'DateTime' | 'Double' | 'Integer' | 'String';

export interface FunctionSource {
  parameters: readonly { name: string; type: FunctionType; default: Json }[];
  outputs: readonly { name: string; type: FunctionType; default: Json; code: string; description?: string }[];
}

/**
 * What the names in a rule mean. Keys of the records are the names; look-ups ignore case. `parent` is the environment
 * above (for `Functions.parent`, `Functions.root`, `Functions.environment["…"]`): a function's code sees the resources
 * of the environment it stands in.
 */
export interface Resources {
  /** Id of the environment. */
  environment: string;
  /** API name of the environment; `Functions.environment["…"]` takes either. */
  apiName?: string;
  lists?: Readonly<Record<string, { columns: readonly string[] }>>;
  supportLists?: readonly string[];
  velocities?: readonly string[];
  /** Without `parameters`, a call takes any number of arguments. */
  externalCalls?: Readonly<Record<string, { parameters?: readonly string[] }>>;
  externalAssessments?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  functions?: Readonly<Record<string, FunctionSource>>;
  /** Names of routing queues; absent: any name is taken. */
  queues?: readonly string[];
  /** An example of the payload (and enrichment); attributes it lacks get a warning with the nearest name. */
  samplePayload?: JsonObject;
  parent?: Resources;
}

export interface CompileOptions {
  /** Default `decision`. */
  kind?: RuleKind;
  /** Applies inside the one rule set. Default `RunAllMatching`. */
  behavior?: Behavior;
}

export interface Compiled {
  /** Absent when there is any error. */
  program?: RuleProgram;
  diagnostics: Diagnostic[];
}

export interface VelocitySetSource {
  name: string;
  condition?: string;
  velocities: readonly string[];
}

export interface VelocityDefinition {
  name: string;
  aggregate: 'count' | 'distinct' | 'sum';
  /** Event types as written: `Purchase`, `BankEvent`, `Assessment_A1:status`. */
  from: string[];
}

export interface CompiledVelocitySet {
  program?: VelocityProgram;
  definitions: VelocityDefinition[];
  diagnostics: Diagnostic[];
}

export type ReferenceKind =
  | 'list'
  | 'supportList'
  | 'velocity'
  | 'externalCall'
  | 'externalAssessment'
  | 'function'
  | 'queue'
  | 'model'
  | 'variable';

/** A resource that a program mentions, under the name the environment gives it. */
export interface Reference {
  kind: ReferenceKind;
  environment: string;
  name: string;
  /** The columns of a list that are read. */
  column?: string;
}

export interface VelocityWindow {
  count: number;
  unit: 's' | 'm' | 'h' | 'd';
}

/** A value the program needs from outside. `id` is its identity within one assessment: ask once, remember the answer. */
export type Request =
  | { kind: 'velocity'; id: string; environment: string; name: string; key: string; window: VelocityWindow }
  | { kind: 'supportList'; id: string; environment: string; list: string; key: string }
  | { kind: 'list'; id: string; environment: string; list: string; column: string; key: string }
  | {
      kind: 'externalCall';
      id: string;
      environment: string;
      name: string;
      /** In the order of the call's parameters. */
      arguments: string[];
      /** Where it is called, for telemetry. */
      rule: string;
      clause: string;
    }
  | {
      kind: 'externalAssessment';
      id: string;
      environment: string;
      name: string;
      operation: 'evaluate' | 'observe' | 'label';
      body: JsonObject;
      rule: string;
      clause: string;
    }
  | { kind: 'model'; id: string; model: 'risk' | 'bot'; context?: string };

/** What `.GetDiagnostics()` of an external call or assessment reads; keys are matched in any letter case. */
export interface CallDiagnostics {
  request?: Json;
  endpoint?: string;
  httpStatusCode?: number;
  errorMessage?: string;
  /** Milliseconds. */
  latency?: number;
}

/**
 * The answer to a request. `value` by kind:
 * velocity: number; supportList: `{ status: 'Safe' | 'Block' | 'Watch' }` or null (an expired entry is null);
 * list: the first row that has the key, as column -> text, or null; externalCall, externalAssessment: the response;
 * model: `{ score, reason }`.
 * With `failed`, the outcome gets a fault with that code and message, and the value is used if given (a call's own
 * default response), else the kind's default: 0, null, null, `{}`, `{ score: 0, reason: '' }`.
 */
export interface Answer {
  value?: Json;
  failed?: { code: string; message: string };
  diagnostics?: CallDiagnostics;
}

/** What is known about an IP address; absent or empty fields read as "". */
export interface GeoAnswer {
  regionCode?: string;
  region?: string;
  countryCode?: string;
  countryRegion?: string;
  city?: string;
  marketCode?: string;
}

export interface BinAnswer {
  cardNetwork?: string;
  cardType?: string;
  issuer?: string;
  countryCode?: string;
  cardCategory?: string;
  error?: string;
}

/** Synchronous answers about a device fingerprinting session. */
export interface DeviceService {
  fullAttributes(sessionId: string): JsonObject;
  attributes(sessionId: string): JsonObject;
  /** Miles per hour. */
  speedOfTravel(sessionId: string): number;
}

/** Everything one run may read. Nothing in it is changed by a run. */
export interface RunInput {
  payload: JsonObject;
  /** Read where the payload lacks a path: `deviceAttributes`, `ruleEvaluation.decision` … */
  enrichment?: JsonObject;
  /** `@riskScore`, `@botScore`: 0 in sections before the scoring; an undefined score is read from the payload. */
  scores?: { risk?: number; bot?: number };
  /** The clock of this assessment, milliseconds since 1970 UTC. */
  now: number;
  correlationId?: string;
  /** `Response.Decision()` in actions. */
  decision?: string;
  /** Global variables set so far along the chain. */
  variables?: ReadonlyMap<string, Json>;
  /** Look-up in the assessment's memory (and in-memory lists). `undefined`: not there yet. Absent: nothing is known. */
  answer?(request: Request): Answer | undefined;
  geo?(ip: string): GeoAnswer | undefined;
  bin?(bin: string): BinAnswer | undefined;
  device?: DeviceService;
  /** A number in [0, 1), the same one whenever the same site is asked within one assessment. Absent: from the correlation id. */
  random?(site: string): number;
}

export interface Decision {
  decision: 'Approve' | 'Reject' | 'Review' | 'Challenge';
  challengeType?: string;
  reason?: string;
  supportMessage?: string;
  rule: string;
  clause: string;
}

/** A run-time fault or fallback. `clause` is absent for a rule's condition. */
export interface RunFault extends Span {
  rule: string;
  clause?: string;
  code: string;
  message: string;
}

export type ClauseResult =
  | 'returned'
  | 'observed'
  | 'did'
  | 'when false'
  | 'fault'
  | 'section not reached'
  | 'not reached';

export interface TrailRule {
  rule: string;
  condition: 'none' | 'true' | 'false' | 'fault' | 'not reached';
  clauses: { clause: string; result: ClauseResult }[];
}

/** What a run decided and did. An object with getters: read its members, do not spread it (JSON.stringify is fine). */
export interface RuleOutcome {
  /** Some condition held (a rule without a condition always holds). */
  readonly matched: boolean;
  readonly decision: Decision | undefined;
  /** Routing rules: the queue of the first ROUTETO that held. */
  readonly queue: { queue: string; rule: string; clause: string } | undefined;
  /** Rules whose condition held, with the clauses that fired. Computed when read. */
  readonly evaluations: { rule: string; clauses: string[] }[];
  /** Clause -> key -> value. */
  readonly outputs: Readonly<Record<string, JsonObject>>;
  readonly traces: readonly { rule: string; clause: string; attributes: JsonObject }[];
  /** Global variables set in this run; the caller adds them to those of the chain. */
  readonly variables: JsonObject;
  readonly customProperties: JsonObject;
  readonly faults: readonly RunFault[];
  /** What happened to every rule and clause. Computed when read. */
  readonly trail: TrailRule[];
}

export type RunResult =
  | { done: true; outcome: RuleOutcome }
  /** Fetch these together, remember the answers, run again. */
  | { done: false; needs: Request[] };

export interface RuleProgram {
  /** Reads (velocities, lists, support lists) that the rules may make and whose keys are known before running. */
  plan(input: RunInput): Request[];
  run(input: RunInput): RunResult;
  readonly references: readonly Reference[];
  /** The rules as compiled, with the clauses in the order they run. */
  readonly rules: readonly { name: string; clauses: readonly { name: string; section?: Section }[] }[];
}

/** What one event adds to one velocity. `value` is 1 for a count, the distinct value, or the amount. */
export interface Contribution {
  velocity: string;
  aggregate: 'count' | 'distinct' | 'sum';
  key: string;
  value: number | string;
}

export type ContributionResult =
  | { done: true; contributions: Contribution[]; faults: RunFault[] }
  | { done: false; needs: Request[] };

export interface VelocityProgram {
  plan(input: RunInput, eventType: string): Request[];
  /** The contributions of an event of this type; type names are matched in any letter case. */
  contributions(input: RunInput, eventType: string): ContributionResult;
  readonly definitions: readonly VelocityDefinition[];
  readonly references: readonly Reference[];
}

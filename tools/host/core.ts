/**
 * The module `@azure/functions-core`, which the runtime's Node worker provides to an app, and the life of an
 * invocation as the worker lives it: arguments, hooks, handler, hooks, response.
 * The interface is the worker's (github.com/Azure/azure-functions-nodejs-worker, `types-core/index.d.ts`).
 */
import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Module } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Log, LogLevel } from './log.ts';

export interface Binding {
  readonly type: string;
  readonly direction?: string;
  readonly [setting: string]: unknown;
}

export interface RetryOptions {
  readonly maxRetryCount?: number;
  readonly retryStrategy?: string;
  readonly delayInterval?: { seconds?: number };
  readonly minimumInterval?: { seconds?: number };
  readonly maximumInterval?: { seconds?: number };
}

export interface FunctionMetadata {
  readonly name: string;
  readonly functionId?: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly retryOptions?: RetryOptions;
}

export interface AppFunction {
  readonly name: string;
  readonly metadata: FunctionMetadata;
  /** the name of the trigger among the bindings */
  readonly triggerName: string;
  readonly trigger: Binding;
  readonly callback: Callback;
}

type Callback = (...inputs: unknown[]) => unknown;
type Nullable = Readonly<Record<string, { value: string }>>;

/** A value as it travels between runtime and worker; one member is set. */
export interface TypedData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly http?: HttpData;
}

export interface HttpData {
  readonly method?: string;
  readonly url?: string;
  readonly nullableHeaders?: Nullable;
  readonly nullableQuery?: Nullable;
  readonly nullableParams?: Nullable;
  readonly body?: TypedData;
  readonly statusCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly Cookie[];
}

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: { value: string };
  readonly path?: { value: string };
  readonly expires?: { value: { seconds: number } };
  readonly secure?: { value: boolean };
  readonly httpOnly?: { value: boolean };
  readonly sameSite?: 'none' | 'lax' | 'strict' | 'explicitNone';
  readonly maxAge?: { value: number };
}

export interface Invocation {
  readonly data: TypedData;
  readonly triggerMetadata?: Readonly<Record<string, TypedData>>;
  readonly retryContext?: { retryCount: number; maxRetryCount: number; exception?: { message: string } };
  /** where given, its trace goes on */
  readonly traceParent?: string;
}

export interface InvocationResponse {
  readonly returnValue?: TypedData | null;
}

interface CoreContext {
  readonly invocationId: string;
  readonly request: unknown;
  readonly metadata: FunctionMetadata;
  state?: 'preInvocationHooks' | 'postInvocationHooks' | 'invocation' | undefined;
  log(level: LogLevel, category: string, message: string): void;
}

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: Callback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreContext): InvocationModel;
  getCapabilities?(capabilities: Record<string, string>): Promise<Record<string, string>>;
}

const HOOKS = ['preInvocation', 'postInvocation', 'appStart', 'appTerminate'] as const;
type HookName = (typeof HOOKS)[number];
type Hook = (context: object) => unknown;

export interface App {
  readonly functions: readonly AppFunction[];
  /** true where the app asked for `enableHttpStream`: HTTP functions then read and write the sockets themselves */
  readonly streams: boolean;
  /** Runs a function, hooks included. Throws what it throws. */
  invoke(target: AppFunction, invocation: Invocation): Promise<InvocationResponse>;
  /** As `invoke`, for an HTTP function of an app that streams: the app answers on `response`. */
  invokeStream(
    target: AppFunction,
    invocation: Invocation,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void>;
  /** Runs the hooks of an app's end. */
  terminate(): Promise<void>;
}

/** What one app has said while it was loading, and afterwards. */
interface State {
  readonly functions: Map<string, AppFunction>;
  readonly hooks: Record<HookName, Hook[]>;
  readonly appHookData: object;
  readonly appOnlyHookData: object;
  readonly log: Log;
  locked: boolean;
  model: ProgrammingModel | undefined;
}

const VERSION = '4.1049.0';
const INVOCATION_ID = 'x-ms-invocation-id';

/** The app that is loading. The package asks for the module once and keeps it, so the module looks here. */
let loading: State | undefined;
let lastModel: ProgrammingModel | undefined;
let queue: Promise<unknown> = Promise.resolve();
const loaded = new Set<string>();

class Disposable {
  readonly #dispose: () => void;
  constructor(dispose: () => void) {
    this.#dispose = dispose;
  }
  static from(...all: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const one of all) one.dispose();
    });
  }
  dispose(): void {
    this.#dispose();
  }
}

const coreModule = {
  version: VERSION,
  hostVersion: VERSION,
  Disposable,
  log(level: LogLevel, _category: string, message: string) {
    loading?.log({ level, message });
  },
  setProgrammingModel(model: ProgrammingModel) {
    lastModel = model;
    if (loading !== undefined) loading.model = model;
  },
  getProgrammingModel: () => loading?.model ?? lastModel,
  registerHook(name: string, hook: Hook): Disposable {
    const known = HOOKS.find((one) => one === name);
    if (known === undefined) throw new RangeError(`Unrecognized hook "${name}"`);
    const hooks = current(`hook "${name}"`).hooks[known];
    hooks.push(hook);
    return new Disposable(() => {
      const index = hooks.indexOf(hook);
      if (index >= 0) hooks.splice(index, 1);
    });
  },
  registerFunction(metadata: FunctionMetadata, callback: Callback): Disposable {
    const state = current(`function "${metadata.name}"`);
    const id = metadata.functionId ?? metadata.name;
    const key = id.toLowerCase();
    if (state.functions.has(key)) throw new Error(`A function with id "${id}" has already been registered.`);
    const trigger = Object.entries(metadata.bindings).find(([, binding]) => /trigger$/i.test(binding.type));
    if (trigger === undefined) throw new Error(`The function "${metadata.name}" has no trigger.`);
    state.functions.set(key, {
      name: metadata.name,
      metadata,
      callback,
      triggerName: trigger[0],
      trigger: trigger[1],
    });
    return new Disposable(() => {
      if (state.locked) throw new Error('A function can only be disposed during app startup.');
      state.functions.delete(key);
    });
  },
};

function current(what: string): State {
  if (loading === undefined || loading.locked)
    throw new Error(`A function or hook can only be registered during app startup: ${what}.`);
  return loading;
}

let intercepted = false;
/** `require('@azure/functions-core')`, from anywhere in this process, gives the module above; as the worker does it. */
function intercept(): void {
  if (intercepted) return;
  intercepted = true;
  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (target, self, args) =>
      args[0] === '@azure/functions-core' ? coreModule : Reflect.apply(target, self, args),
  });
}

/**
 * Loads an app's compiled entry and runs its `appStart` hooks. Apps load one after the other.
 * @throws what the entry throws while it loads, a function registered twice included
 */
export function loadApp(options: { entry: string; root: string; log: Log }): Promise<App> {
  const load = queue.then(() => loadNext(options));
  queue = load.catch(() => undefined);
  return load;
}

async function loadNext({ entry, root, log }: { entry: string; root: string; log: Log }): Promise<App> {
  intercept();
  const state: State = {
    functions: new Map(),
    hooks: { preInvocation: [], postInvocation: [], appStart: [], appTerminate: [] },
    appHookData: {},
    appOnlyHookData: {},
    log,
    locked: false,
    model: undefined,
  };
  loading = state;
  try {
    const url = pathToFileURL(entry);
    // a module runs once in a process; a second host in it needs another address
    if (loaded.has(url.href)) url.search = `?${randomUUID()}`;
    loaded.add(url.href);
    await import(url.href);
    await runHooks(state, 'appStart', appContext(state, { functionAppDirectory: root }));
    state.locked = true;
    const model = state.model ?? lastModel;
    return {
      functions: [...state.functions.values()],
      terminate: () => runHooks(state, 'appTerminate', appContext(state, {})),
      ...(await invoker(state, model)),
    };
  } finally {
    loading = undefined;
  }
}

function appContext(state: State, more: object): object {
  return fixed({ hookData: state.appOnlyHookData, appHookData: state.appHookData }, more);
}

/** Hooks may write into hook data, but not replace it. */
function fixed(readOnly: Record<string, unknown>, more: object): object {
  const entries = Object.entries(readOnly).map(([name, value]) => [
    name,
    { value, writable: false, enumerable: true },
  ]);
  return Object.defineProperties({ ...more }, Object.fromEntries(entries));
}

async function runHooks(state: State, name: HookName, context: object): Promise<void> {
  for (const hook of state.hooks[name]) await hook(context);
}

async function invoker(
  state: State,
  model: ProgrammingModel | undefined,
): Promise<Pick<App, 'streams' | 'invoke' | 'invokeStream'>> {
  const proxy = model === undefined ? undefined : await streamServer(model);
  const run = (id: string, target: AppFunction, invocation: Invocation) => {
    if (model === undefined) throw new Error('The app registered no programming model.');
    return invokeOnce(state, model, id, target, invocation);
  };
  return {
    streams: proxy !== undefined,
    invoke: (target, invocation) => run(randomUUID(), target, invocation),
    async invokeStream(target, invocation, request, response) {
      const id = randomUUID();
      request.headers[INVOCATION_ID] = id;
      proxy?.emit('request', request, response);
      await run(id, target, invocation);
    },
  };
}

/**
 * The library's side of HTTP streaming: on Azure the runtime forwards each request, marked with its invocation id, to a
 * server that the library opens, and sends the rest of the invocation by RPC. Here both are one process, so the
 * library's server never listens: it is handed the request and response themselves.
 */
async function streamServer(model: ProgrammingModel): Promise<Server | undefined> {
  let server: Server | undefined;
  const create = http.createServer;
  const silent = () => {
    const made = create();
    const listen = (ready: () => void) => {
      queueMicrotask(ready);
      return made;
    };
    server = Object.assign(made, {
      listen,
      address: () => ({ address: '127.0.0.1', family: 'IPv4', port: 1 }),
    });
    return server;
  };
  Object.assign(http, { createServer: silent });
  try {
    const capabilities = await model.getCapabilities?.({ RpcHttpBodyOnly: 'true' });
    return capabilities?.HttpUri === undefined ? undefined : server;
  } finally {
    Object.assign(http, { createServer: create });
  }
}

async function invokeOnce(
  state: State,
  model: ProgrammingModel,
  invocationId: string,
  target: AppFunction,
  invocation: Invocation,
): Promise<InvocationResponse> {
  const hex = invocationId.replaceAll('-', '');
  const context: CoreContext = {
    invocationId,
    request: {
      invocationId,
      functionId: target.name,
      inputData: [{ name: target.triggerName, data: invocation.data }],
      triggerMetadata: invocation.triggerMetadata,
      retryContext: invocation.retryContext,
      traceContext: {
        traceParent: invocation.traceParent ?? `00-${hex}-${hex.slice(16)}-01`,
        traceState: '',
        attributes: {},
      },
    },
    metadata: target.metadata,
    state: undefined,
    log: (level, _category, message) =>
      state.log({ level, message, function: target.name, invocation: invocationId }),
  };
  const invocationModel = model.getInvocationModel(context);
  const { context: invocationContext, inputs } = await invocationModel.getArguments();

  const { preInvocation, postInvocation } = state.hooks;
  if (preInvocation.length === 0 && postInvocation.length === 0) {
    const result = await invocationModel.invokeFunction(invocationContext, inputs, target.callback);
    return invocationModel.getResponse(invocationContext, result);
  }

  const shared = { hookData: {}, appHookData: state.appHookData, invocationContext };
  const before = Object.assign(fixed(shared, {}), { functionCallback: target.callback, inputs });
  context.state = 'preInvocationHooks';
  await runHooks(state, 'preInvocation', before);

  const after: { inputs: unknown[]; result: unknown; error: unknown } = Object.assign(fixed(shared, {}), {
    inputs: before.inputs,
    result: null,
    error: null,
  });
  context.state = 'invocation';
  try {
    after.result = await invocationModel.invokeFunction(
      invocationContext,
      before.inputs,
      before.functionCallback,
    );
  } catch (error) {
    after.error = error ?? new Error('Unknown error');
  }
  context.state = 'postInvocationHooks';
  await runHooks(state, 'postInvocation', after);
  context.state = undefined;
  if (after.error !== null && after.error !== undefined) throw after.error;
  return invocationModel.getResponse(invocationContext, after.result);
}

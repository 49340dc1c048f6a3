import { parseArgs } from 'node:util';
import { HoldfastError, openClient } from '../../clients/typescript/index.ts';

/** A call that cannot be made as it was given; the message says why. */
export class CallError extends Error {}

/** What the app refused; the message says why. */
export class RefusedError extends Error {}

export const appUsage = `holdfast model list [--kind risk|bot]
holdfast model retrain [--kind risk|bot]
holdfast model rollback [--kind risk|bot]
    of a running app: --url URL --environment ENV, or HOLDFAST_URL and HOLDFAST_ENVIRONMENT; a token in HOLDFAST_TOKEN`;

const appVerbs = ['list', 'retrain', 'rollback'] as const;
type Verb = (typeof appVerbs)[number];

/** Is it one of the verbs of `holdfast model` that talk to a running app? */
export function isAppVerb(verb: string | undefined): verb is Verb {
  return appVerbs.some((one) => one === verb);
}

/** Shows, trains or rolls back the models of an environment of a running app; prints JSON. */
export async function modelsOfApp(verb: Verb, args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { url: { type: 'string' }, environment: { type: 'string' }, kind: { type: 'string' } },
  });
  const { kind } = values;
  if (kind !== undefined && kind !== 'risk' && kind !== 'bot')
    throw new CallError(`--kind must be risk or bot, not ${kind}.`);
  const environment = values.environment ?? process.env.HOLDFAST_ENVIRONMENT;
  if (!environment) throw new CallError('--environment or HOLDFAST_ENVIRONMENT is needed.');
  const client = clientOf(values.url ?? process.env.HOLDFAST_URL, environment);
  const shown = await ask(client, verb, environment, kind).catch((error: unknown) => {
    if (!(error instanceof HoldfastError)) throw error;
    throw new RefusedError(error.message);
  });
  console.log(JSON.stringify(shown, null, 2));
}

type Client = ReturnType<typeof openClient>;

function clientOf(url: string | undefined, environment: string): Client {
  const token = process.env.HOLDFAST_TOKEN;
  if (!url || !URL.canParse(url)) throw new CallError('--url or HOLDFAST_URL is needed: where the app is.');
  if (!token) throw new CallError('HOLDFAST_TOKEN is needed: an access token for the app.');
  return openClient({
    baseUrl: url,
    environment,
    token: async () => ({ value: token, expires: Number.POSITIVE_INFINITY }),
  });
}

async function ask(client: Client, verb: Verb, env: string, kind: 'risk' | 'bot' = 'risk'): Promise<unknown> {
  if (verb === 'retrain') return client.retrainModel({ env, body: { kind } });
  if (verb === 'rollback') return client.rollBackModel({ env, body: { kind } });
  const { items } = await client.listModels({ env });
  return items.find((item) => item.kind === kind);
}

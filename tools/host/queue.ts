/** Storage queue triggers, run as the runtime runs them (github.com/Azure/azure-webjobs-sdk, `QueueListener`, `QueueProcessor`). */
import { type DequeuedMessageItem, type QueueClient, QueueServiceClient } from '@azure/storage-queue';
import type { App, AppFunction, TypedData } from './core.ts';
import { errorText, type Log } from './log.ts';
import { DefinitionError, timeSpan } from './ncrontab.ts';
import { pause } from './pause.ts';
import { backoff } from './retry.ts';
import { statusOf } from './storage.ts';
import { resolve } from './timer.ts';

/** `extensions.queues` of host.json. Times are milliseconds. */
export interface QueueOptions {
  readonly batchSize: number;
  readonly newBatchThreshold: number;
  readonly maxDequeueCount: number;
  /** how long a message that failed stays out of sight */
  readonly visibilityTimeout: number;
  readonly maxPollingInterval: number;
  readonly base64: boolean;
}

export interface QueueDefinition {
  readonly target: AppFunction;
  readonly queue: string;
  readonly connectionString: string;
}

/** How long a message under work is out of sight; renewed at half of it. */
const HIDDEN_SECONDS = 600;
const SHORTEST_POLL = 100;
/** The runtime waits up to a minute between looks into an empty queue, and its scale controller wakes it; here nothing does. */
const LONGEST_POLL = 2_000;

/**
 * Reads `extensions.queues` of host.json.
 * @throws DefinitionError where a value is none the runtime takes
 */
export function readQueueOptions(json: Readonly<Record<string, unknown>>): QueueOptions {
  const whole = (name: string, fallback: number, least: number, most: number) => {
    const value = json[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      throw new DefinitionError(`host.json: queues.${name} must be a whole number from ${least} to ${most}`);
    return value;
  };
  const time = (name: string, fallback: number) => {
    const value = json[name] === undefined ? fallback : timeSpan(String(json[name]));
    if (value === undefined || value < 0)
      throw new DefinitionError(`host.json: queues.${name} must be a time like 00:00:30`);
    return value;
  };
  const encoding = String(json.messageEncoding ?? 'base64').toLowerCase();
  if (encoding !== 'base64' && encoding !== 'none')
    throw new DefinitionError("host.json: queues.messageEncoding must be 'base64' or 'none'");
  const batchSize = whole('batchSize', 16, 1, 32);
  return {
    batchSize,
    newBatchThreshold: whole('newBatchThreshold', Math.floor(batchSize / 2), 0, 1000),
    maxDequeueCount: whole('maxDequeueCount', 5, 1, 1_000_000),
    visibilityTimeout: time('visibilityTimeout', 0),
    maxPollingInterval: Math.max(SHORTEST_POLL, time('maxPollingInterval', LONGEST_POLL)),
    base64: encoding === 'base64',
  };
}

/** The queue functions of an app, `%SETTING%` names resolved, and what is wrong with them. */
export function readQueues(
  functions: readonly AppFunction[],
  settings: Readonly<Record<string, string | undefined>>,
): { queues: QueueDefinition[]; errors: string[] } {
  const queues: QueueDefinition[] = [];
  const errors: string[] = [];
  for (const target of functions) {
    if (target.trigger.type.toLowerCase() !== 'queuetrigger') continue;
    const setting = String(target.trigger.connection ?? 'AzureWebJobsStorage');
    const connectionString = settings[setting] ?? settings[`AzureWebJobs${setting}`];
    if (connectionString === undefined)
      errors.push(`function ${target.name}: there is no setting '${setting}' to connect with`);
    if (target.metadata.retryOptions !== undefined)
      errors.push(
        `function ${target.name}: retry policies do not work for queues; maxDequeueCount of host.json does`,
      );
    try {
      const queue = resolve(String(target.trigger.queueName ?? ''), settings).toLowerCase();
      if (!/^(?!-)(?!.*--)[a-z0-9-]{3,63}(?<!-)$/.test(queue))
        errors.push(`function ${target.name}: '${queue}' is no name for a queue`);
      else if (connectionString !== undefined) queues.push({ target, queue, connectionString });
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      errors.push(`function ${target.name}: ${error.message}`);
    }
  }
  return { queues, errors };
}

/** Takes a queue's messages until `signal`; messages under work are waited for. */
export async function runQueue(
  app: App,
  { target, queue, connectionString }: QueueDefinition,
  options: QueueOptions,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const service = QueueServiceClient.fromConnectionString(connectionString);
  const client = service.getQueueClient(queue);
  const poison = service.getQueueClient(`${queue}-poison`);
  const work = new Set<Promise<void>>();
  const wait = backoff(SHORTEST_POLL, options.maxPollingInterval);
  let empty = 0;
  while (!signal.aborted) {
    const messages = await receive(client, options.batchSize, log, target.name);
    for (const message of messages) {
      const one = processMessage(app, target, client, poison, message, options, log)
        .catch((error: unknown) => log({ level: 'error', function: target.name, message: errorText(error) }))
        .finally(() => work.delete(one));
      work.add(one);
    }
    empty = messages.length === 0 ? empty + 1 : 0;
    if (empty > 0) await pause(wait(empty), signal);
    while (work.size > options.newBatchThreshold) await Promise.race(work);
  }
  await Promise.all(work);
}

async function receive(
  client: QueueClient,
  count: number,
  log: Log,
  name: string,
): Promise<DequeuedMessageItem[]> {
  try {
    const { receivedMessageItems } = await client.receiveMessages({
      numberOfMessages: count,
      visibilityTimeout: HIDDEN_SECONDS,
    });
    return receivedMessageItems;
  } catch (error) {
    // the app, not the runtime, makes the queue, and may do so later
    if (statusOf(error) !== 404)
      log({ level: 'warning', function: name, message: `its queue was not read: ${errorText(error)}` });
    return [];
  }
}

async function processMessage(
  app: App,
  target: AppFunction,
  client: QueueClient,
  poison: QueueClient,
  message: DequeuedMessageItem,
  options: QueueOptions,
  log: Log,
): Promise<void> {
  let receipt = message.popReceipt;
  const bury = async () => {
    log({
      level: 'warning',
      function: target.name,
      message: `message ${message.messageId} has reached maxDequeueCount ${options.maxDequeueCount} and moves to ${poison.name}`,
    });
    await poison.createIfNotExists();
    await poison.sendMessage(message.messageText);
    await ignoreGone(client.deleteMessage(message.messageId, receipt));
  };
  if (message.dequeueCount > options.maxDequeueCount) return bury();

  const done = new AbortController();
  const renewing = (async () => {
    while (!done.signal.aborted) {
      await pause((HIDDEN_SECONDS / 2) * 1000, done.signal);
      if (done.signal.aborted) return;
      const renewed = await ignoreGone(
        client.updateMessage(message.messageId, receipt, undefined, HIDDEN_SECONDS),
      );
      receipt = renewed?.popReceipt ?? receipt;
    }
  })();
  let failed = false;
  try {
    const string = decode(message.messageText, options.base64);
    await app.invoke(target, { data: { string }, triggerMetadata: metadataOf(message, string) });
  } catch (error) {
    failed = true;
    log({ level: 'error', function: target.name, message: `failed: ${errorText(error)}` });
  } finally {
    done.abort();
    await renewing;
  }
  if (!failed) await ignoreGone(client.deleteMessage(message.messageId, receipt));
  else if (message.dequeueCount >= options.maxDequeueCount) await bury();
  else {
    const seconds = Math.round(options.visibilityTimeout / 1000);
    await ignoreGone(client.updateMessage(message.messageId, receipt, undefined, seconds));
  }
}

/** A message that another has taken, or deleted, is no longer ours to change. */
async function ignoreGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 400) return undefined;
    throw error;
  }
}

function decode(text: string, base64: boolean): string {
  if (!base64) return text;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    throw new Error(
      "the message is not base64, which host.json (queues.messageEncoding, 'base64' where absent) says it is",
    );
  return Buffer.from(text, 'base64').toString('utf8');
}

function metadataOf(message: DequeuedMessageItem, text: string): Record<string, TypedData> {
  const json = (value: unknown) => ({ json: JSON.stringify(value) });
  return {
    DequeueCount: json(message.dequeueCount),
    ExpirationTime: json(message.expiresOn),
    Id: { string: message.messageId },
    InsertionTime: json(message.insertedOn),
    NextVisibleTime: json(message.nextVisibleOn),
    PopReceipt: { string: message.popReceipt },
    QueueTrigger: { string: text },
  };
}

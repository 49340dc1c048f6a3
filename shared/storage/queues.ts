import type { QueueClient } from '@azure/storage-queue';
import { checkMessage } from './limits.ts';
import { failureOf, persist } from './retry.ts';
import type { Queue } from './types.ts';

/** The queue of this client as `Queue`. A send whose answer was lost is sent again: receivers meet some messages twice. */
export function queueOf(client: QueueClient): Queue {
  const { name } = client;
  return {
    name,
    async send(text, options = {}) {
      checkMessage(name, text);
      const { visibleAfterSeconds: visibilityTimeout = 0, expiresAfterSeconds } = options;
      // -1: never
      const messageTimeToLive = expiresAfterSeconds ?? -1;
      await persist(`send ${name}`, (abortSignal) =>
        client.sendMessage(text, { abortSignal, visibilityTimeout, messageTimeToLive }),
      );
    },
    async receive(options = {}) {
      const { max: numberOfMessages = 1, visibilitySeconds: visibilityTimeout = 30 } = options;
      const { receivedMessageItems } = await persist(`receive ${name}`, (abortSignal) =>
        client.receiveMessages({ abortSignal, numberOfMessages, visibilityTimeout }),
      );
      return receivedMessageItems.map((item) => ({
        id: item.messageId,
        receipt: item.popReceipt,
        text: item.messageText,
        dequeueCount: item.dequeueCount,
        inserted: item.insertedOn,
      }));
    },
    remove(message) {
      return persist(`remove ${name}`, async (abortSignal, again) => {
        try {
          await client.deleteMessage(message.id, message.receipt, { abortSignal });
          return true;
        } catch (error) {
          const lost = lossOf(error);
          if (!lost) throw error;
          return again && lost === 'MessageNotFound';
        }
      });
    },
    update(message, options) {
      const text = options.text ?? message.text;
      checkMessage(name, text);
      return persist(`update ${name}`, async (abortSignal) => {
        try {
          const answer = await client.updateMessage(
            message.id,
            message.receipt,
            text,
            options.visibilitySeconds,
            {
              abortSignal,
            },
          );
          return answer.popReceipt;
        } catch (error) {
          if (!lossOf(error)) throw error;
          return undefined;
        }
      });
    },
    async length() {
      const answer = await persist(`length ${name}`, (abortSignal) => client.getProperties({ abortSignal }));
      return answer.approximateMessagesCount ?? 0;
    },
  };
}

/** The message is gone, or its receipt is void; a queue that does not exist is an error. */
function lossOf(error: unknown): string | undefined {
  const { code } = failureOf(error) ?? {};
  return code === 'MessageNotFound' || code === 'PopReceiptMismatch' ? code : undefined;
}

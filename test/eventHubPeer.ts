/** An AMQP server on loopback that takes events as an event hub does: claims by `$cbs`, then messages on a link. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import rhea, { type Connection, type EventContext, type Sender } from 'rhea';

export interface ReceivedMessage {
  hub: string;
  body: unknown;
  messageId: string | undefined;
  properties: Record<string, unknown>;
}

export interface Claim {
  /** `sb://host/hub` */
  audience: string;
  /** `jwt` or `servicebus.windows.net:sastoken` */
  type: string;
  token: string;
}

export interface HubPeer {
  port: number;
  /** for a client that is told it speaks to the emulator */
  connectionString: string;
  claims: Claim[];
  received: ReceivedMessage[];
  /** how many transfers brought them */
  batches(): number;
  /** Refuses messages from now on, or no longer. */
  refuse(refusing: boolean): void;
  stop(): Promise<void>;
}

export interface HubPeerOptions {
  tls?: { key: string; cert: string };
  /** the largest message that it takes, in bytes; default 256 KiB */
  maxMessageSize?: number;
}

export async function startHubPeer({ tls, maxMessageSize = 262_144 }: HubPeerOptions = {}): Promise<HubPeer> {
  const container = rhea.create_container({
    id: 'event-hub-peer',
    receiver_options: { max_message_size: maxMessageSize },
  });
  const claims: Claim[] = [];
  const received: ReceivedMessage[] = [];
  const connections = new Set<Connection>();
  const replies = new Map<string, Sender>();
  let batches = 0;
  let refusing = false;

  // an event hub knows more ways in than none at all
  container.sasl_server_mechanisms.enable_anonymous();
  Object.assign(container.sasl_server_mechanisms, {
    MSSBCBS: () => ({ start: () => undefined, outcome: true }),
  });
  container.on('connection_open', ({ connection }: EventContext) => connections.add(connection));
  container.on('disconnected', () => {});
  container.on('sender_open', ({ sender }: EventContext) => {
    if (!sender) return;
    sender.set_source(sender.source);
    replies.set(sender.name, sender);
    const target = sender.target?.address;
    if (typeof target === 'string') replies.set(target, sender);
  });
  container.on('receiver_open', ({ receiver }: EventContext) => {
    receiver?.set_target(receiver.target);
  });
  container.on('message', ({ message, receiver, delivery }: EventContext) => {
    const address = receiver?.target?.address;
    if (message === undefined || typeof address !== 'string') return;
    if (address === '$cbs') {
      const { name = '', type = '' } = message.application_properties ?? {};
      claims.push({ audience: String(name), type: String(type), token: String(message.body) });
      const reply = replies.get(String(message.reply_to)) ?? [...replies.values()][0];
      reply?.send({
        correlation_id: message.message_id,
        application_properties: { 'status-code': 202, 'status-description': 'Accepted' },
        body: undefined,
      });
      return;
    }
    if (refusing) return void delivery?.reject({ condition: 'amqp:not-allowed', description: 'refused' });
    batches += 1;
    for (const one of unpacked(message)) received.push({ hub: address, ...one });
    delivery?.accept();
  });

  const server: Server = container.listen({
    port: 0,
    host: '127.0.0.1',
    ...(tls ? { transport: 'tls', ...tls } : {}),
  });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    port,
    connectionString: `Endpoint=sb://localhost:${port};SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0LWtleQ==;UseDevelopmentEmulator=true`,
    claims,
    received,
    batches: () => batches,
    refuse: (value) => {
      refusing = value;
    },
    async stop() {
      const closed = once(server, 'close');
      for (const connection of connections) connection.close();
      server.close();
      await closed;
    },
  };
}

/** The messages of a batch: each stands, encoded as a whole, in a data section of the one that was sent. */
function unpacked(sent: object): Omit<ReceivedMessage, 'hub'>[] {
  return contents(Buffer.isBuffer(sent) ? rhea.message.decode(sent) : sent).map((part) => {
    const message = rhea.message.decode(part);
    return {
      body: contents(message).map((content) => JSON.parse(content.toString()))[0],
      messageId: message.message_id === undefined ? undefined : String(message.message_id),
      properties: { ...message.application_properties },
    };
  });
}

function contents(message: object): Buffer[] {
  const body = 'body' in message ? message.body : undefined;
  const content = typeof body === 'object' && body !== null && 'content' in body ? body.content : body;
  return (Array.isArray(content) ? content : [content]).filter((one) => Buffer.isBuffer(one));
}

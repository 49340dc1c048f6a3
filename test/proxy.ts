import { connect, createServer, type Socket } from 'node:net';

export interface LossyProxy {
  port: number;
  /** Lets the next requests through and cuts their connection in place of the answer. */
  loseAnswers(count: number): void;
  /** Answers the next requests itself, with this text; they do not get through. */
  answerInstead(count: number, response: string): void;
  /** How many answers were lost or given instead so far. */
  spoiled(): number;
  stop(): Promise<void>;
}

/** A TCP proxy on loopback before a real server, to show what callers see when the network fails them. */
export async function startProxy(target: number): Promise<LossyProxy> {
  let lose = 0;
  let instead = 0;
  let response = '';
  let spoiled = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (instead > 0) {
        instead -= 1;
        spoiled += 1;
        client.end(response);
      } else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (lose > 0) {
        lose -= 1;
        spoiled += 1;
        client.destroy();
      } else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    loseAnswers(count) {
      lose = count;
    },
    answerInstead(count, text) {
      instead = count;
      response = text;
    },
    spoiled: () => spoiled,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

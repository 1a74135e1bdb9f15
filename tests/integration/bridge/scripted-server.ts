import { createServer, type Server, type Socket } from 'node:net';

export interface ScriptedServer {
  /** `http://127.0.0.1:<port>/v1`. */
  readonly baseUrl: string;
  /** Requests other than for the list, by model. */
  readonly asked: Map<string, number>;
  /** Requests that have come and are left without the end of an answer. */
  readonly held: number;
  close(): Promise<void>;
}

/** Writes the response to one request, as raw bytes. `attempt` counts the requests for the model, from 0. */
export type Respond = (request: ScriptedRequest, socket: Socket) => Promise<void> | void;

export interface ScriptedRequest {
  readonly path: string;
  readonly model: string;
  readonly attempt: number;
  readonly headers: string;
  readonly body: string;
}

export const listOf = (...names: readonly string[]): string => {
  const body = JSON.stringify({ object: 'list', data: names.map((id) => ({ id, object: 'model' })) });
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
};

/** A whole stream of one token, and its counts. */
export const answerWith = (text: string): string => {
  const chunk = { choices: [{ index: 0, delta: { content: text }, finish_reason: 'stop' }] };
  const usage = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } };
  return `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: ${JSON.stringify(chunk)}\n\ndata: ${JSON.stringify(usage)}\n\ndata: [DONE]\n\n`;
};

/** A model server on a free loopback port, or a given one, that writes its responses itself, down to the bytes. */
export async function startScriptedServer(respond: Respond, port = 0): Promise<ScriptedServer> {
  const asked = new Map<string, number>();
  const sockets = new Set<Socket>();
  const responded = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      responded.delete(socket);
    });
    socket.on('error', () => undefined);
    let received = '';
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString();
      const split = received.indexOf('\r\n\r\n');
      if (split < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (Buffer.byteLength(received.slice(split + 4)) < length) return;
      const headers = received.slice(0, split);
      const path = headers.split(' ')[1]!;
      const body = received.slice(split + 4);
      const model = length > 0 ? String(JSON.parse(body).model) : '';
      const attempt = asked.get(model) ?? 0;
      if (model !== '') asked.set(model, attempt + 1);
      received = '';
      void Promise.resolve(respond({ path, model, attempt, headers, body }, socket)).then(() => {
        if (sockets.has(socket)) responded.add(socket);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  return {
    baseUrl: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`,
    asked,
    get held() {
      return [...responded].filter((socket) => !socket.writableEnded).length;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** It begins to answer what mentions Tabloom and never ends, however long a test is kept waiting. `left`: its asker went away. */
export async function startEndlessServer(): Promise<ScriptedServer & { readonly left: Promise<void> }> {
  const left = Promise.withResolvers<void>();
  const chunk = { choices: [{ index: 0, delta: { content: 'One, ' }, finish_reason: null }] };
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n';
  const server = await startScriptedServer(({ path, body }, socket) => {
    if (path.endsWith('/models')) return void socket.end(listOf('endless'));
    if (!body.includes('Tabloom')) return void socket.end(answerWith('Measured.'));
    socket.once('close', () => left.resolve());
    socket.write(`${head}data: ${JSON.stringify(chunk)}\n\n`);
  });
  return Object.assign(server, { left: left.promise });
}

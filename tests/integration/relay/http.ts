import { request } from 'node:http';
import { connect } from 'node:net';
import { chatCompletionChunkSchema, type ChatCompletionChunk } from '#lib/protocol/openai.ts';

export const question = (more: object = {}) => ({
  model: 'tabloom-demo',
  messages: [{ role: 'user', content: 'What is Tabloom?' }],
  ...more,
});

export const postChat = (url: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  });

/** The events of a stream as they come: chunks, `[DONE]` and comments. */
export async function* readEvents(response: Response): AsyncGenerator<ChatCompletionChunk | '[DONE]' | 'comment'> {
  let rest = '';
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + text).split('\n\n');
    rest = frames.pop()!;
    for (const frame of frames) {
      if (frame.startsWith(':')) yield 'comment';
      else if (frame === 'data: [DONE]') yield '[DONE]';
      else yield chatCompletionChunkSchema.parse(JSON.parse(frame.slice('data: '.length)));
    }
  }
}

export async function collect<T>(source: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

/** A request whose headers are all ours, `Host` too, which `fetch` would not let us say. */
export function rawRequest(
  url: string,
  { method = 'GET', path = '/', headers = {} }: { method?: string; path?: string; headers?: Record<string, string> },
): Promise<{ readonly status: number; readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, path, headers: { connection: 'close', ...headers } }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    asking.once('error', reject);
    // Somebody who is let in: the connection is of no use to us then.
    asking.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode!, headers: response.headers, body: '' });
    });
    asking.end();
  });
}

/** Writes bytes to the port as they are, and goes away in the middle of whatever comes back. */
export function sendAndLeave(port: number, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.write(bytes, () => setTimeout(() => socket.resetAndDestroy(), 50));
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
  });
}

export const upgradeHeaders = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

export const health = async (url: string) => (await fetch(`${url}/health`)).json();

/** Asks again until it holds; the test's own time limit is the bound. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 25));
}

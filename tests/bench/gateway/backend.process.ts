import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A model server that costs next to nothing. The model's name says how it answers: `burst` as fast as the socket takes
 * it, `paced-N` at N tokens a second from the first on. Every answer has `max_tokens` tokens. Its port is the first
 * line it writes.
 */
const delta = (content: string) => chunk({ content }, null);
const chunk = (change: object, reason: string | null) =>
  `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: change, finish_reason: reason }] })}\n\n`;
const word = delta(' word');
const end = `${chunk({}, 'stop')}data: [DONE]\n\n`;
const piecesPerWrite = 16;

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const data = ['burst', 'paced-30', 'paced-50', 'paced-100'].map((id) => ({ id, object: 'model' }));
    return respond(response, { object: 'list', data });
  }
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const { model, stream, max_tokens: tokens = 16 } = JSON.parse(Buffer.concat(pieces).toString()) as Asked;
    if (stream !== true) return respond(response, whole(tokens));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const rate = /^paced-(\d+)$/.exec(model)?.[1];
    if (rate === undefined) writeBurst(response, tokens);
    else writePaced(response, tokens, Number(rate));
  });
});

interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly max_tokens?: number;
}

const whole = (tokens: number) => ({
  id: 'x',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: ' word'.repeat(tokens) },
      finish_reason: 'stop',
      logprobs: null,
    },
  ],
  usage: { prompt_tokens: 5, completion_tokens: tokens, total_tokens: tokens + 5 },
});

function respond(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function writeBurst(response: ServerResponse, tokens: number): void {
  let left = tokens;
  const more = () => {
    while (left > 0) {
      const count = Math.min(left, piecesPerWrite);
      left -= count;
      if (!response.write(word.repeat(count))) return void response.once('drain', more);
    }
    response.end(end);
  };
  more();
}

/** By the clock, not by a count of timers: a late timer is followed by the tokens it owes. */
function writePaced(response: ServerResponse, tokens: number, rate: number): void {
  const startedMs = performance.now();
  let written = 0;
  const timer = setInterval(() => {
    const due = Math.min(tokens, Math.floor(((performance.now() - startedMs) / 1_000) * rate) + 1);
    for (; written < due; written++) response.write(word);
    if (written < tokens) return;
    clearInterval(timer);
    response.end(end);
  }, 1_000 / rate);
  response.once('close', () => clearInterval(timer));
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

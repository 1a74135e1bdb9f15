import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** How one server answers one request for a chat, and what the asker must get. */
export interface Misbehaviour {
  readonly name: string;
  /** Writes the raw response. `attempt` counts the requests for this model, from 0. */
  readonly write: (socket: Socket, attempt: number) => Promise<void> | void;
  readonly wanted: Wanted;
  /** Requests that the server gets. */
  readonly requests?: number;
}

export interface Wanted {
  /** The text that arrives, before a failure too. */
  readonly text?: string;
  readonly reasoning?: string;
  readonly reason?: string;
  readonly tokensIn?: number;
  readonly tokensOut?: number;
  readonly isEstimated?: boolean;
  /** `ok`, or the code of the failure. */
  readonly code: string;
  readonly status?: number;
  readonly message?: RegExp;
  readonly retryAfterMs?: number;
}

const head = (status: string, type: string, more = '') =>
  `HTTP/1.1 ${status}\r\n${type === '' ? '' : `content-type: ${type}\r\n`}${more}connection: close\r\n\r\n`;
const sseHead = head('200 OK', 'text/event-stream');
const json = (value: unknown) => JSON.stringify(value);
const event = (value: unknown) => `data: ${typeof value === 'string' ? value : json(value)}\n\n`;
const delta = (content: string | null, finish_reason: string | null = null, more: object = {}) => ({
  id: 'x',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: { content }, finish_reason }],
  ...more,
});
const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const usageChunk = (value: unknown) => ({ id: 'x', choices: [], usage: value });
const done = event('[DONE]');
const hello = event(delta('Hello')) + event(delta(' world'));
const end = event(delta('', 'stop'));
const whole = hello + end + event(usageChunk(usage)) + done;

const text = 'Hello world';
const good: Wanted = { code: 'ok', text, reason: 'stop', tokensIn: 7, tokensOut: 2 };
const estimated: Wanted = { code: 'ok', text, reason: 'stop', isEstimated: true };
const failed = (more: Partial<Wanted> = {}): Wanted => ({ code: 'engine-failed', ...more });

const later = (ms = 5) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const write = (body: string | Uint8Array) => (socket: Socket) => void socket.end(body);
const stream = (body: string) => write(sseHead + body);
const inPieces = (bytes: Uint8Array, size: number) => async (socket: Socket) => {
  socket.setNoDelay(true);
  socket.write(sseHead);
  for (let at = 0; at < bytes.length; at += size) {
    socket.write(bytes.subarray(at, at + size));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
};
const utf8 = (body: string) => new TextEncoder().encode(body);
const answer = (status: string, body: string, type = 'application/json', more = '') =>
  write(head(status, type, more) + body);
const refusal = (status: string, message: string, more = '') =>
  answer(status, json({ error: { message, type: 'x', code: null } }), 'application/json', more);

/** Ways in which real servers differ from OpenAI's, and break. */
export const misbehaviours: readonly Misbehaviour[] = [
  { name: 'as it should be', write: stream(whole), wanted: good },
  { name: 'CRLF', write: stream(whole.replaceAll('\n', '\r\n')), wanted: good },
  { name: 'bare CR', write: stream(whole.replaceAll('\n', '\r')), wanted: good },
  { name: 'a byte order mark', write: stream(`\uFEFF${whole}`), wanted: good },
  { name: 'byte by byte', write: inPieces(utf8(whole), 1), wanted: good },
  {
    name: 'characters split between reads',
    write: inPieces(utf8(event(delta('naïve 🦙 日本', 'stop')) + event(usageChunk(usage)) + done), 3),
    wanted: { ...good, text: 'naïve 🦙 日本' },
  },
  {
    name: 'pings between events',
    write: stream(`: ping\n\n${whole.replaceAll('\n\n', '\n\n: ping\n\n')}`),
    wanted: good,
  },
  {
    name: 'other fields',
    write: stream(whole.replaceAll('data:', 'event: message\nid: 4\nretry: 10\ndata:')),
    wanted: good,
  },
  { name: 'no space after the colon', write: stream(whole.replaceAll('data: ', 'data:')), wanted: good },
  { name: 'spaces around the data', write: stream(whole.replaceAll('data: ', 'data:   ')), wanted: good },
  { name: 'no blank line between events', write: stream(whole.replaceAll('\n\n', '\n')), wanted: good },
  { name: 'an unterminated last event', write: stream(whole.slice(0, -2)), wanted: good },
  { name: 'no [DONE]', write: stream(hello + end + event(usageChunk(usage))), wanted: good },
  { name: 'no finish reason, but [DONE]', write: stream(hello + event(usageChunk(usage)) + done), wanted: good },
  {
    name: 'an empty finish reason',
    write: stream(hello + event(delta('', '')) + event(usageChunk(usage)) + done),
    wanted: good,
  },
  {
    name: 'an unknown finish reason',
    write: stream(hello + event(delta('', 'eos')) + event(usageChunk(usage)) + done),
    wanted: good,
  },
  { name: 'the finish twice', write: stream(hello + end + end + event(usageChunk(usage)) + done), wanted: good },
  { name: 'an event after [DONE]', write: stream(`${whole}data: rubbish\n\n`), wanted: good },
  { name: 'an event with empty data', write: stream(`data:\n\n${whole}`), wanted: good },
  { name: 'usage null', write: stream(hello + event({ ...delta('', 'stop'), usage: null }) + done), wanted: estimated },
  { name: 'usage empty', write: stream(hello + event(delta('', 'stop', { usage: {} })) + done), wanted: estimated },
  { name: 'usage missing', write: stream(hello + end + done), wanted: estimated },
  {
    name: 'usage in floats',
    write: stream(hello + end + event(usageChunk({ prompt_tokens: 7.0, completion_tokens: 2.4 })) + done),
    wanted: good,
  },
  {
    name: 'usage negative',
    write: stream(hello + end + event(usageChunk({ prompt_tokens: -1, completion_tokens: -1 })) + done),
    wanted: estimated,
  },
  { name: 'usage as text', write: stream(hello + end + event(usageChunk('many')) + done), wanted: estimated },
  {
    name: 'usage beside the last choice',
    write: stream(hello + event(delta('', 'stop', { usage })) + done),
    wanted: good,
  },
  {
    name: 'usage in every chunk',
    write: stream(whole.replaceAll('"object"', `"usage":{"prompt_tokens":7},"object"`)),
    wanted: good,
  },
  {
    name: 'choices null at the end',
    write: stream(hello + end + event({ choices: null, usage }) + done),
    wanted: good,
  },
  { name: 'no choices at the end', write: stream(hello + end + event({ usage }) + done), wanted: good },
  {
    name: 'a role without content first',
    write: stream(event({ choices: [{ index: 0, delta: { role: 'assistant', content: null } }] }) + whole),
    wanted: good,
  },
  {
    name: 'null content at the end',
    write: stream(hello + event(delta(null, 'stop')) + event(usageChunk(usage)) + done),
    wanted: good,
  },
  {
    name: 'log-probabilities null',
    write: stream(whole.replaceAll('"index"', '"logprobs":null,"index"')),
    wanted: good,
  },
  {
    name: 'unknown members everywhere',
    write: stream(whole.replaceAll('{', '{"x_unknown":[1,{}],').replaceAll(',}', '}')),
    wanted: good,
  },
  {
    name: 'a delta of 200 kB',
    write: stream(
      event(delta('y'.repeat(200_000), 'stop')) + event(usageChunk({ prompt_tokens: 7, completion_tokens: 2 })) + done,
    ),
    wanted: { ...good, text: 'y'.repeat(200_000) },
  },
  {
    name: 'ten thousand hidden tokens',
    write: stream(hello + end + event(usageChunk({ prompt_tokens: 7, completion_tokens: 10_000 })) + done),
    wanted: { ...good, tokensOut: 10_000 },
  },
  {
    name: 'reasoning first',
    write: stream(event({ choices: [{ delta: { reasoning_content: 'Hm.' } }] }) + whole),
    wanted: { ...good, reasoning: 'Hm.', tokensOut: 3 },
  },
  {
    name: 'reasoning under another name',
    write: stream(event({ choices: [{ delta: { reasoning: 'Hm.', content: '' } }] }) + whole),
    wanted: { ...good, reasoning: 'Hm.', tokensOut: 3 },
  },
  {
    name: 'JSON in place of a stream',
    write: answer('200 OK', json({ choices: [{ message: { content: text }, finish_reason: 'stop' }], usage })),
    wanted: good,
  },
  {
    name: 'JSON without usage',
    write: answer(
      '200 OK',
      json({ choices: [{ message: { content: text }, finish_reason: 'stop' }] }),
      'application/json; charset=utf-8',
    ),
    wanted: estimated,
  },
  { name: 'no content type', write: write(head('200 OK', '') + whole), wanted: good },
  { name: 'text/plain', write: answer('200 OK', whole, 'text/plain'), wanted: good },
  { name: 'HTTP/1.0', write: write(sseHead.replace('1.1', '1.0') + whole), wanted: good },
  {
    name: 'gzip',
    write: (socket) => {
      socket.write(head('200 OK', 'text/event-stream', 'content-encoding: gzip\r\n'));
      socket.end(gzipSync(whole));
    },
    wanted: good,
  },
  {
    name: 'chunked with a trailer',
    write: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
      for (const piece of [whole.slice(0, 50), whole.slice(50)])
        socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
      socket.end('0\r\nx-time: 4\r\n\r\n');
    },
    wanted: good,
  },
  {
    name: 'headers long before the body',
    write: async (socket) => {
      socket.write(sseHead);
      await later(50);
      socket.end(whole);
    },
    wanted: good,
  },
  {
    name: 'half a stream, then the rest later',
    write: async (socket) => {
      socket.write(sseHead + hello);
      await later(50);
      socket.end(whole.slice(hello.length));
    },
    wanted: good,
  },
  {
    name: 'a reset before the response, once',
    write: (socket, attempt) => (attempt === 0 ? void socket.resetAndDestroy() : stream(whole)(socket)),
    wanted: good,
    requests: 2,
  },
  {
    name: 'a reset before each response',
    write: (socket) => void socket.resetAndDestroy(),
    wanted: failed(),
    requests: 2,
  },
  {
    name: 'a reset in the middle',
    write: async (socket) => {
      socket.write(sseHead + event(delta('Hello')));
      await later(20);
      socket.resetAndDestroy();
    },
    wanted: failed({ text: 'Hello' }),
  },
  { name: 'the end in the middle', write: stream(event(delta('Hello'))), wanted: failed({ text: 'Hello' }) },
  { name: 'the end before the beginning', write: stream(''), wanted: failed({ text: '' }) },
  {
    name: 'an error in the middle',
    write: stream(event(delta('Hello')) + event({ error: { message: 'CUDA out of memory', code: 500 } })),
    wanted: failed({ text: 'Hello' }),
  },
  { name: 'an error with status 200', write: answer('200 OK', json({ error: { message: 'no' } })), wanted: failed() },
  {
    name: 'a page in place of an answer',
    write: answer('200 OK', '<html>Sign in</html>', 'text/html'),
    wanted: failed(),
  },
  {
    name: 'an event that is not JSON',
    write: stream(event(delta('Hello')) + event('{oops')),
    wanted: failed({ text: 'Hello' }),
  },
  { name: 'an event of 5 MB', write: stream(event(delta('z'.repeat(5_000_000)))), wanted: failed() },
  { name: 'no HTTP at all', write: write('SSH-2.0-OpenSSH_9.6\r\n'), wanted: failed() },
  {
    name: 'a tool call without a valid name',
    write: stream(
      event({ choices: [{ delta: { tool_calls: [{ index: 0, function: { name: 'no good!', arguments: '{}' } }] } }] }) +
        done,
    ),
    wanted: failed(),
  },
  {
    name: '400',
    write: refusal('400 Bad Request', 'temperature must be at most 2'),
    wanted: { code: 'bad-request', status: 400, message: /temperature must be at most 2/ },
  },
  {
    name: '400 for the context',
    write: refusal('400 Bad Request', "This model's maximum context length is 4096 tokens."),
    wanted: { code: 'too-long', status: 400 },
  },
  {
    name: '413 for the context',
    write: refusal('413 Too Large', 'the prompt is too long'),
    wanted: { code: 'too-long', status: 413 },
  },
  {
    name: '422 as FastAPI words it',
    write: answer('422 Unprocessable', json({ detail: 'top_p is out of range' })),
    wanted: { code: 'bad-request', status: 422, message: /top_p is out of range/ },
  },
  {
    name: '401',
    write: refusal('401 Unauthorized', 'bad key sk-secret'),
    wanted: failed({ status: 401, message: /^((?!secret).)*$/ }),
  },
  { name: '403', write: refusal('403 Forbidden', 'no'), wanted: failed({ status: 403 }) },
  { name: '404', write: refusal('404 Not Found', 'model not found'), wanted: { code: 'model-unknown', status: 404 } },
  {
    name: '429 with seconds',
    write: refusal('429 Too Many Requests', 'slow down', 'retry-after: 7\r\n'),
    wanted: { code: 'busy', status: 429, retryAfterMs: 7_000 },
  },
  {
    name: '429 with milliseconds',
    write: refusal('429 Too Many Requests', 'slow down', 'retry-after-ms: 250\r\nretry-after: 1\r\n'),
    wanted: { code: 'busy', status: 429, retryAfterMs: 250 },
  },
  {
    name: '503 while loading',
    write: refusal('503 Unavailable', 'Loading model'),
    wanted: { code: 'busy', status: 503 },
  },
  {
    name: '500',
    write: refusal('500 Oops', 'Traceback …'),
    wanted: failed({ status: 500, message: /^((?!Traceback).)*$/ }),
  },
  {
    name: '502 as a page',
    write: answer('502 Bad Gateway', '<html>nginx</html>', 'text/html'),
    wanted: failed({ status: 502 }),
  },
  {
    name: 'a redirect',
    write: write(head('302 Found', '', 'location: http://127.0.0.1:1/\r\n')),
    wanted: failed(),
  },
];

import { Agent, request, type IncomingMessage } from 'node:http';
import { processorMs } from './process.ts';

/** One gateway, or the model server itself. */
export interface Target {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
  /** How it calls a model of the server. */
  readonly modelName: (model: string) => string;
}

export interface Load {
  readonly model: string;
  readonly connections: number;
  /** In all, shared by the connections, at most: none is begun after `secondsMax`, so that a slow machine ends too. */
  readonly requests: number;
  readonly secondsMax?: number;
  readonly maxTokens: number;
  readonly stream: boolean;
  /** What every request is to get; 200 unless said. */
  readonly status?: number;
}

export interface Measured {
  /** Of each request, ms, ascending. */
  readonly wholeMs: readonly number[];
  readonly firstTokenMs: readonly number[];
  readonly requestsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly processorMsPerRequest: number;
  readonly processorMsPerToken: number;
  /** Requests that got another status, an error in the stream, or the wrong number of tokens. */
  readonly failed: number;
}

/** Keeps `connections` requests in flight over kept-alive connections until all are answered. */
export async function measure(target: Target, load: Load): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const wholeMs: number[] = [];
  const firstTokenMs: number[] = [];
  let [failed, tokens, left] = [0, 0, load.requests];
  const { status = 200, secondsMax = 4 } = load;
  const tokensDue = status === 200 ? load.maxTokens : 0;
  const body = JSON.stringify({
    model: target.modelName(load.model),
    stream: load.stream,
    max_tokens: load.maxTokens,
    messages: [{ role: 'user', content: 'hello' }],
  });
  const cpuBefore = processorMs(target.pid);
  const startedMs = performance.now();
  const endMs = startedMs + secondsMax * 1_000;
  const one = async () => {
    while (left-- > 0 && performance.now() < endMs) {
      const answer = await ask(target, agent, body, load.stream);
      if (answer.status !== status || answer.tokens !== tokensDue) failed++;
      tokens += answer.tokens;
      wholeMs.push(answer.wholeMs);
      firstTokenMs.push(answer.firstTokenMs);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, one));
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpuMs = processorMs(target.pid) - cpuBefore;
  agent.destroy();
  const ascending = (values: number[]) => values.toSorted((a, b) => a - b);
  return {
    wholeMs: ascending(wholeMs),
    firstTokenMs: ascending(firstTokenMs),
    requestsPerSecond: wholeMs.length / seconds,
    tokensPerSecond: tokens / seconds,
    processorMsPerRequest: cpuMs / Math.max(1, wholeMs.length),
    processorMsPerToken: cpuMs / Math.max(1, tokens),
    failed,
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly tokens: number;
  readonly firstTokenMs: number;
  readonly wholeMs: number;
}

async function ask({ url, headers }: Target, agent: Agent, body: string, stream: boolean): Promise<Answer> {
  const startedMs = performance.now();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(`${url}/v1/chat/completions`, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
    });
    sent.on('response', resolve).on('error', reject).end(body);
  });
  const counter = createWordCounter();
  let [firstTokenMs, text] = [0, ''];
  for await (const piece of response) {
    if (stream) counter.add(piece as Buffer);
    else text += String(piece);
    if (firstTokenMs === 0 && (!stream || counter.count > 0)) firstTokenMs = performance.now() - startedMs;
  }
  const wholeMs = performance.now() - startedMs;
  if (!stream) counter.add(Buffer.from(text));
  return { status: response.statusCode, tokens: counter.count, firstTokenMs, wholeMs };
}

/** Counts ` word`, the only token of the model server, across the pieces of a body. */
function createWordCounter() {
  const needle = Buffer.from(' word');
  let tail = Buffer.alloc(0);
  const counter = {
    count: 0,
    add(piece: Buffer) {
      const bytes = tail.length === 0 ? piece : Buffer.concat([tail, piece]);
      let at = bytes.indexOf(needle);
      let end = 0;
      for (; at !== -1; at = bytes.indexOf(needle, end)) {
        counter.count++;
        end = at + needle.length;
      }
      tail = Buffer.from(bytes.subarray(Math.max(end, bytes.length - needle.length + 1)));
    },
  };
  return counter;
}

export const percentile = (ascending: readonly number[], part: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] ?? NaN;

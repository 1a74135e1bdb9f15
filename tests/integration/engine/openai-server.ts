import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { scriptedModel } from '#lib/engine/catalog/scripted.ts';
import { createScriptedEngine, type ScriptedOptions } from '#lib/engine/scripted.ts';
import type { Engine, EngineEvent, EngineRequest } from '#lib/engine/spec.ts';
import { createStopFilter } from '#lib/engine/stop-filter.ts';
import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';

interface Body {
  readonly messages?: ChatMessage[];
  readonly prompt?: string;
  readonly max_tokens: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly stop?: string[];
  readonly [member: string]: unknown;
}

export interface OpenAIServer {
  readonly baseUrl: string;
  /** Bodies posted so far, and how many connections were closed before their end. */
  readonly posted: readonly Body[];
  readonly broken: { count: number };
  /** From the next request on, as a machine that has got other things to do: whoever measured it has measured another. */
  pace(tokensPerSecond: number): Promise<void>;
  close(): Promise<void>;
}

type ServerInput = Partial<Pick<ScriptedOptions, 'tokensPerSecond' | 'answerTokens' | 'slots'>>;

/**
 * An OpenAI-compatible server on a loopback port, a free one by default, with the scripted engine behind it. It continues a last message
 * of the assistant as llama.cpp's server does, sends two tokens in a chunk with the
 * count so far, and the usage at the end.
 */
export async function startOpenAIServer(
  { tokensPerSecond = 0, ...scripted }: ServerInput = {},
  port = 0,
): Promise<OpenAIServer> {
  const engines: Engine[] = [];
  const load = (rate: number) => {
    const engine = createScriptedEngine({ clock: systemClock, contextTokens: 256, slots: 4, ...scripted });
    engines.push(engine);
    return engine.load(scriptedModel(rate), {});
  };
  let model = await load(tokensPerSecond);
  const { name } = model.model;
  const posted: Body[] = [];
  const broken = { count: 0 };

  const stream = async (body: Body, response: ServerResponse) => {
    const controller = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) broken.count += 1;
      controller.abort();
    });
    const send = (chunk: unknown) => response.write(`data: ${JSON.stringify(chunk)}\r\n\r\n`);
    const choice = (text: string, finish_reason: string | null) =>
      body.messages ? { index: 0, delta: { content: text }, finish_reason } : { index: 0, text, finish_reason };
    let held = '';
    let made = 0;
    try {
      for await (const event of untilStop(model.doStream(engineRequest(body), { signal: controller.signal }), body)) {
        if (!response.headersSent) {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(': ping\n\n');
        }
        if (event.type === 'text-delta') {
          made += event.tokens;
          if (held !== '') {
            send({
              choices: [choice(held + event.text, null)],
              ...(body['timings_per_token'] ? { timings: { predicted_n: made } } : {}),
            });
            held = '';
            // As fast as it is read, and no faster: a client that leaves is noticed.
            await new Promise((resolve) => setImmediate(resolve));
          } else held = event.text;
        }
        if (event.type !== 'finish') continue;
        send({ choices: [choice(held, event.reason)] });
        const { tokensIn, tokensOut } = event.usage;
        send({
          choices: [],
          usage: { prompt_tokens: tokensIn, completion_tokens: tokensOut, total_tokens: tokensIn + tokensOut },
        });
        response.end('data: [DONE]\n\n');
      }
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      const long = errorCode(error) === 'too-long';
      const message = long ? 'the request exceeds the available context size' : String(error);
      response
        .writeHead(long ? 400 : errorCode(error) === 'busy' ? 429 : 500)
        .end(JSON.stringify({ error: { message } }));
    }
  };

  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      return void response.end(JSON.stringify({ object: 'list', data: [{ id: name, object: 'model' }] }));
    }
    if (request.url === '/v1/elsewhere/models') {
      return void response.writeHead(302, { location: '/v1/models' }).end();
    }
    void readBody(request).then((body) => {
      posted.push(body);
      return stream(body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${bound}/v1`,
    posted,
    broken,
    async pace(rate) {
      model = await load(rate);
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(engines.map((engine) => engine.close()));
    },
  };
}

/** Stop sequences as llama.cpp's server applies them: whole tokens wait while their text may become one. */
async function* untilStop(events: AsyncIterable<EngineEvent>, { stop = [] }: Body): AsyncGenerator<EngineEvent> {
  const filter = createStopFilter(stop, 'whole');
  let tokensOut = 0;
  let isOver = false;
  for await (const event of events) {
    if (event.type === 'finish') {
      const { text, tokens } = filter.flush();
      if (!isOver) yield { type: 'text-delta', text, tokens };
      yield isOver ? { ...event, reason: 'stop', usage: { ...event.usage, tokensOut } } : event;
    } else if (event.type === 'text-delta' && !isOver) {
      const { released, matched } = filter.push(event);
      tokensOut += event.tokens;
      isOver = matched;
      yield { type: 'text-delta', text: released.text, tokens: released.tokens };
    }
  }
}

function engineRequest(body: Body): EngineRequest {
  const params = {
    maxTokens: body.max_tokens,
    ...(body.temperature === undefined ? {} : { temperature: body.temperature }),
    ...(body.seed === undefined ? {} : { seed: body.seed }),
  };
  if (!body.messages) return { kind: 'completion', input: { prompt: body.prompt ?? '' }, params };
  const last = body.messages.at(-1)!;
  return last.role === 'assistant'
    ? {
        kind: 'chat',
        input: { messages: body.messages.slice(0, -1) },
        params,
        resume: { text: String(last.content), tokens: 0 },
      }
    : { kind: 'chat', input: { messages: body.messages }, params };
}

async function readBody(request: IncomingMessage): Promise<Body> {
  let text = '';
  for await (const bytes of request) text += String(bytes);
  return JSON.parse(text) as Body;
}

import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { readServerSentEvents } from './sse.ts';

/**
 * One event of a chat or a raw completion, as vLLM, Ollama, llama.cpp and OpenAI send it, and a whole answer of a server
 * that does not stream: it says `message` where an event says `delta`. What does not matter is passed over, and a count
 * that is none counts as missing: a good answer is not thrown away for its last event.
 */
export type Chunk = z.output<typeof chunkSchema>;
export type CallDelta = z.output<typeof callDeltaSchema>;

/** Servers send `null`, floats, and negative numbers for "unknown". */
const count = z
  .unknown()
  .transform((value) => (typeof value === 'number' && value >= 0 && value < 1e9 ? Math.floor(value) : undefined));

const callDeltaSchema = z.looseObject({
  index: z.number().int().min(0).nullish(),
  id: z.string().nullish(),
  function: z
    .looseObject({
      name: z.string().nullish(),
      /** JSON text; some servers send the object itself. */
      arguments: z.union([z.string(), z.looseObject({})]).nullish(),
    })
    .nullish(),
});

const saidSchema = z.looseObject({
  content: z.string().nullish(),
  refusal: z.string().nullish(),
  /** vLLM, llama.cpp and DeepSeek say the one, Ollama and newer vLLM the other. */
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish().catch(undefined),
  tool_calls: z.array(callDeltaSchema).max(128).nullish(),
});

const token = z.looseObject({
  token: z.string(),
  logprob: z.number().nullish(),
  bytes: z.array(z.number().int().min(0).max(255)).nullish().catch(undefined),
});

const logprobsSchema = z.looseObject({
  content: z.array(token.extend({ top_logprobs: z.array(token).nullish() })).nullish(),
  /** The older form, of raw completions: lists side by side. */
  tokens: z.array(z.string()).nullish(),
  token_logprobs: z.array(z.number().nullable()).nullish(),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish(),
});

const chunkSchema = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        delta: saidSchema.nullish(),
        message: saidSchema.nullish(),
        text: z.string().nullish(),
        logprobs: logprobsSchema.nullish().catch(undefined),
        finish_reason: z.string().nullish(),
      }),
    )
    .max(16)
    .nullish()
    .transform((choices) => choices ?? []),
  usage: z.looseObject({ prompt_tokens: count, completion_tokens: count }).nullish().catch(undefined),
  /** llama.cpp's count so far, with `timings_per_token`. */
  timings: z.looseObject({ predicted_n: count }).nullish().catch(undefined),
  error: z.union([z.string(), z.looseObject({ message: z.string().optional() })]).nullish(),
});

/**
 * The chunks of an answer and, at its end, whether the server said that this was all. An answer in one JSON body is one
 * chunk. @throws `engine-failed` for what is not OpenAI's protocol, and for an error sent as an event.
 */
export async function* readChunks(response: Response): AsyncGenerator<Chunk | 'done'> {
  if (!response.body) throw new TabloomError('engine-failed', 'The model server sent no answer.');
  if (/\bjson\b/i.test(response.headers.get('content-type') ?? '')) {
    yield readChunk(await readText(response));
    yield 'done';
    return;
  }
  for await (const data of readServerSentEvents(response.body)) {
    // Some servers leave out the blank line between events; what is no event as a whole may be one in each line.
    const lines = data.includes('\n') && !isJson(data) ? data.split('\n') : [data];
    for (const line of lines) {
      if (line === '[DONE]') {
        yield 'done';
        return;
      }
      if (line !== '') yield readChunk(line);
    }
  }
}

function readChunk(data: string): Chunk {
  let raw: unknown;
  try {
    raw = JSON.parse(data);
  } catch (cause) {
    throw new TabloomError('engine-failed', 'The model server sent something that is not JSON.', { cause });
  }
  const parsed = chunkSchema.safeParse(raw);
  if (!parsed.success) throw new TabloomError('engine-failed', 'The model server does not speak the OpenAI protocol.');
  const { error } = parsed.data;
  if (error) {
    const said = typeof error === 'string' ? error : error.message;
    throw new TabloomError('engine-failed', `The model server failed: ${(said ?? 'no reason given').slice(0, 256)}`);
  }
  return parsed.data;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const bodyCharactersMax = 64 * 1024 * 1024;

/** A whole body, within its limit. @throws `engine-failed`. */
export async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > bodyCharactersMax) {
      throw new TabloomError('engine-failed', 'The model server sent an answer that is too long. Check its address.');
    }
  }
  return text + decoder.decode();
}

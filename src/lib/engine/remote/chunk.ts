import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { expand } from '#lib/base/expand.ts';
import type { ServerResponse } from './server-url.ts';
import { createEventReader } from './sse.ts';
import { createTextTemplate, type TextTemplate } from './text-template.ts';

/**
 * One event of a chat or raw completion as sent by vLLM, Ollama, llama.cpp and OpenAI, or the whole answer of a server
 * that does not stream, which has `message` in place of `delta`. Irrelevant members are ignored and invalid counts are
 * treated as missing, so that a good answer is not discarded because of its last event.
 */
export type Chunk = z.output<typeof chunkSchema>;
export type CallDelta = z.output<typeof callDeltaSchema>;

/** Servers send `null`, floats, and negative numbers for "unknown". */
const count = z
  .unknown()
  .optional()
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
  /** vLLM, llama.cpp and DeepSeek send the first, Ollama and newer vLLM the second. */
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
  /** The legacy form of raw completions: parallel lists. */
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
  /** llama.cpp's running token count, sent with `timings_per_token`. */
  timings: z.looseObject({ predicted_n: count }).nullish().catch(undefined),
  error: z.union([z.string(), z.looseObject({ message: z.string().optional() })]).nullish(),
});

/**
 * The chunks of an answer, those of one read together, then `'done'` if the server marked the end. A plain JSON body is
 * one chunk. What arrived before a bad chunk is yielded before the error is thrown.
 * @throws `engine-failed` for anything that is not OpenAI's protocol, and for an error sent as an event.
 */
export function readChunks(
  response: Pick<ServerResponse, 'headers' | 'body'>,
): AsyncIterable<readonly (Chunk | 'done')[]> {
  if (!response.body) throw new TabloomError('engine-failed', 'The model server sent no answer.');
  if (/\bjson\b/i.test(response.headers.get('content-type') ?? '')) return readWhole(response);
  const reader = createEventReader();
  const template = createTextTemplate();
  let isOver = false;
  let failure: { readonly error: unknown } | undefined;
  const take = (events: readonly string[]) => {
    const read = readEvents(events, template);
    failure = read.failure;
    isOver = failure !== undefined || read.chunks.at(-1) === 'done';
    return read.chunks.length > 0 ? [read.chunks] : [];
  };
  return expand(response.body, {
    take: (bytes) => take(reader.read(bytes)),
    isOver: () => isOver,
    end: () => {
      const rest = isOver ? [] : take(reader.end());
      isOver = true;
      if (rest.length === 0 && failure) throw failure.error;
      return rest;
    },
  });
}

async function* readWhole(response: Pick<ServerResponse, 'body'>): AsyncGenerator<readonly (Chunk | 'done')[]> {
  yield [readChunk(await readText(response), createTextTemplate()), 'done'];
}

/** Up to the end of the answer, or to what cannot be read. */
function readEvents(events: readonly string[], template: TextTemplate) {
  const chunks: (Chunk | 'done')[] = [];
  try {
    for (const event of events) {
      for (const line of linesOf(event)) {
        chunks.push(line === '[DONE]' ? 'done' : readChunk(line, template));
        if (line === '[DONE]') return { chunks, failure: undefined };
      }
    }
  } catch (error) {
    return { chunks, failure: { error } };
  }
  return { chunks, failure: undefined };
}

/** Some servers omit the blank line between events: data that is not JSON as a whole may be JSON line by line. */
const linesOf = (data: string): readonly string[] =>
  data.includes('\n') && !isJson(data) ? data.split('\n').filter((line) => line !== '') : [data];

function readChunk(data: string, template: TextTemplate): Chunk {
  const known = template.read(data);
  if (known !== undefined) return { choices: [{ delta: { content: known } }] };
  let raw: unknown;
  try {
    raw = JSON.parse(data);
  } catch (cause) {
    throw new TabloomError('engine-failed', 'The model server sent something that is not JSON.', { cause });
  }
  const plain = plainText(raw);
  if (plain !== undefined) {
    template.learn(data, plain);
    return { choices: [{ delta: { content: plain } }] };
  }
  const end = plainEnd(raw);
  if (end !== undefined) return { choices: [{ delta: {}, finish_reason: end }] };
  const parsed = chunkSchema.safeParse(raw);
  if (!parsed.success) throw new TabloomError('engine-failed', 'The model server does not follow the OpenAI protocol.');
  const { error } = parsed.data;
  if (error) {
    const reason = typeof error === 'string' ? error : error.message;
    throw new TabloomError('engine-failed', `The model server failed: ${(reason ?? 'no reason given').slice(0, 256)}`);
  }
  return parsed.data;
}

/** What a chunk of this shape says beyond its text is not read by anyone. */
const plainMembers = new Set(['id', 'object', 'created', 'model', 'system_fingerprint', 'service_tier', 'choices']);
const plainChoiceMembers = new Set(['index', 'delta', 'finish_reason', 'logprobs']);

/**
 * The text of a chunk that consists of nothing else, as nearly all do; undefined for every other, valid or not. Reading
 * it through the schema would cost more than the rest of its way.
 */
function plainText(raw: unknown): string | undefined {
  const { delta, finish_reason: reason } = plainChoice(raw) ?? {};
  return reason == null && typeof delta?.['content'] === 'string' ? delta['content'] : undefined;
}

/** The reason of a chunk that says nothing but how an answer ends. */
function plainEnd(raw: unknown): string | undefined {
  const { delta, finish_reason: reason } = plainChoice(raw) ?? {};
  const isEmpty = delta !== undefined && (delta['content'] == null || delta['content'] === '');
  return isEmpty && typeof reason === 'string' ? reason : undefined;
}

/** The only choice of a chunk that has nothing but a delta, and a delta that has nothing but content. */
function plainChoice(raw: unknown) {
  if (!isObject(raw)) return undefined;
  const { choices } = raw;
  if (!Array.isArray(choices) || choices.length !== 1) return undefined;
  for (const name in raw) if (!plainMembers.has(name) && raw[name] !== null) return undefined;
  const choice: unknown = choices[0];
  if (!isObject(choice) || choice['logprobs'] != null) return undefined;
  for (const name in choice) if (!plainChoiceMembers.has(name) && choice[name] !== null) return undefined;
  const { delta, finish_reason } = choice;
  if (!isObject(delta)) return undefined;
  for (const name in delta) if (name !== 'content' && name !== 'role' && delta[name] !== null) return undefined;
  return { delta, finish_reason };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const bodyCharactersMax = 64 * 1024 * 1024;

/** Reads a whole body. @throws `engine-failed` if it exceeds the limit. */
export async function readText({ body }: Pick<ServerResponse, 'body'>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > bodyCharactersMax) {
      throw new TabloomError('engine-failed', 'The model server’s answer is too long. Check its address.');
    }
  }
  return text + decoder.decode();
}

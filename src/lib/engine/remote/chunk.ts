import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';

/** One event of a chat or a raw completion, as vLLM, Ollama, llama.cpp and OpenAI send it; the rest is passed over. */
export type Chunk = z.output<typeof chunkSchema>;

const chunkSchema = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        delta: z.looseObject({ content: z.string().nullish() }).nullish(),
        text: z.string().nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .max(16)
    .default([]),
  usage: z
    .looseObject({
      prompt_tokens: z.number().int().nonnegative(),
      completion_tokens: z.number().int().nonnegative().default(0),
    })
    .nullish(),
  /** llama.cpp's count so far, with `timings_per_token`. */
  timings: z.looseObject({ predicted_n: z.number().int().nonnegative().optional() }).nullish(),
  error: z.union([z.string(), z.looseObject({ message: z.string().optional() })]).nullish(),
});

/** @throws `engine-failed` for what is not an event, and for an error sent as one. */
export function readChunk(data: string): Chunk {
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

export const chunkText = (chunk: Chunk): string => chunk.choices[0]?.delta?.content ?? chunk.choices[0]?.text ?? '';

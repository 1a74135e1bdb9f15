import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { foldOutput } from '../output.ts';
import { generationNeeds } from './chat.ts';
import { generationParamsSchema } from './generation.ts';
import { noBlobs, type JobKind } from './spec.ts';

const completionInputSchema = z.strictObject({ prompt: textSchema(limits.messageTextBytesMax) });

/** Continuation of raw text: the prompt is already rendered and no chat template is applied. */
export const completion = {
  kind: 'completion',
  input: completionInputSchema,
  params: generationParamsSchema,
  parts: ['text-delta', 'logprobs'],
  fold: foldOutput,
  units: { in: 'token', out: 'token' },
  outputHash: ['text', 'ids'],
  limits: noBlobs,
  needs: ({ params }) => generationNeeds(params),
  promptLength: ({ prompt }) => prompt.length,
  blobs: () => [],
} as const satisfies JobKind<'completion', typeof completionInputSchema, typeof generationParamsSchema>;

import { z } from 'zod';
import { artefactIdSchema, hashSchema, jobIdSchema } from './ids.ts';
import { limits } from './limits.ts';
import { textSchema } from './bounded.ts';

/** What an asker wants done. `artefact` is exact; `name` is what the asker called the model, for logs and receipts. */
export type Job = z.output<typeof jobSchema>;
export type ChatMessage = z.output<typeof chatMessageSchema>;
export type JobParams = z.output<typeof jobParamsSchema>;
/** What was already delivered by an earlier worker; the next one continues from there. */
export type Resume = z.output<typeof resumeSchema>;
export type Tier = z.output<typeof tierSchema>;
export type JobInput = z.output<typeof jobInputSchema>;

export const tierSchema = z.enum(['open', 'verified', 'confidential']);

const messageTextSchema = textSchema(limits.messageTextBytesMax);

const contentPartSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: messageTextSchema }),
  /** Bytes that follow `open` as blob frames, named by their SHA-256. */
  z.object({ type: z.literal('blob'), mime: z.string().max(128), sha256: hashSchema }),
]);

export const chatMessageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.union([messageTextSchema, z.array(contentPartSchema).max(limits.messagePartsMax)]),
  name: z.string().max(limits.nameLengthMax).optional(),
});

export const jobParamsSchema = z.object({
  maxTokens: z.number().int().min(1).max(limits.maxTokensMax),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  frequencyPenalty: z.number().min(-2).max(2).optional(),
  presencePenalty: z.number().min(-2).max(2).optional(),
  seed: z.number().int().min(0).max(0xffff_ffff).optional(),
  stop: z.array(textSchema(limits.stopSequenceBytesMax).min(1)).max(limits.stopSequencesMax).optional(),
});

export const resumeSchema = z.object({
  text: messageTextSchema,
  /** Tokens delivered so far, as counted by the workers before. */
  tokens: z.number().int().min(0).max(limits.maxTokensMax),
});

export const jobInputSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('chat'), messages: z.array(chatMessageSchema).min(1).max(limits.messagesMax) }),
  /** A raw prompt, already rendered; the model's template is not applied. */
  z.object({ kind: z.literal('completion'), prompt: messageTextSchema }),
]);

export const jobSchema = z.object({
  id: jobIdSchema,
  artefact: artefactIdSchema,
  model: z.string().min(1).max(limits.nameLengthMax),
  input: jobInputSchema,
  params: jobParamsSchema,
  tier: tierSchema,
  /** From the moment the worker reads `open`; the engine stops when it has passed. */
  deadlineMs: z.number().int().min(1).max(limits.jobDeadlineMsMax),
  /** 16 bytes as hexadecimal: salts the prompt's hash in the receipt, so that nobody can guess a prompt from it. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  resume: resumeSchema.optional(),
});

/** The text of a message; blobs contribute nothing. */
export function messageText(message: ChatMessage): string {
  if (typeof message.content === 'string') return message.content;
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

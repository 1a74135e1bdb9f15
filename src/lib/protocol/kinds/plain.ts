import { limits } from '../limits.ts';
import type { ChatInput } from './chat.ts';
import { generationParamsSchema, type GenerationParams } from './generation.ts';

/*
 * Hand-written readers for what nearly every job is: messages of text, a limit, some numbers. Going through a schema costs a
 * short answer more than its receipt's signature, and a job is read where it is made, where it is sent and where it arrives. Each
 * returns what the schema would, in a copy, or undefined, which says nothing: the schema then decides. Property tests
 * hold them to it.
 */

/** The input of a chat of plain text. */
export function plainChatInput(raw: unknown): ChatInput | undefined {
  if (!isPlainObject(raw)) return undefined;
  for (const name of Object.keys(raw)) if (name !== 'messages') return undefined;
  const { messages } = raw;
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > limits.messagesMax) return undefined;
  const read: ChatInput['messages'] = [];
  for (const message of messages as readonly unknown[]) {
    const plain = plainMessage(message);
    if (!plain) return undefined;
    read.push(plain);
  }
  return { messages: read };
}

function plainMessage(raw: unknown): ChatInput['messages'][number] | undefined {
  if (!isPlainObject(raw)) return undefined;
  for (const name of Object.keys(raw)) if (name !== 'role' && name !== 'content') return undefined;
  const { role, content } = raw;
  if (role !== 'user' && role !== 'assistant' && role !== 'system') return undefined;
  return typeof content === 'string' && content.length <= textLengthMax ? { role, content } : undefined;
}

/** A UTF-16 code unit is at most three bytes of UTF-8. */
const textLengthMax = Math.floor(limits.messageTextBytesMax / 3);

/** Parameters that are numbers. */
export function plainGenerationParams(raw: unknown): GenerationParams | undefined {
  if (!isPlainObject(raw)) return undefined;
  const params: Record<string, number> = {};
  for (const name of Object.keys(raw)) {
    const value = raw[name];
    if (value === undefined && Object.hasOwn(generationParamsSchema.shape, name)) continue;
    if (!Object.hasOwn(numbers, name)) return undefined;
    if (typeof value !== 'number' || !numbers[name]!(value)) return undefined;
    params[name] = value;
  }
  return params['maxTokens'] === undefined ? undefined : (params as unknown as GenerationParams);
}

const within = (least: number, most: number) => (value: number) => value >= least && value <= most;
const wholeWithin = (least: number, most: number) => (value: number) =>
  Number.isSafeInteger(value) && value >= least && value <= most;

const numbers: Readonly<Record<string, (value: number) => boolean>> = {
  maxTokens: wholeWithin(1, limits.maxTokensMax),
  temperature: within(0, 2),
  topP: (value) => value > 0 && value <= 1,
  topK: wholeWithin(1, limits.topKMax),
  minP: within(0, 1),
  repetitionPenalty: (value) => value > 0 && value <= 2,
  frequencyPenalty: within(-2, 2),
  presencePenalty: within(-2, 2),
  seed: wholeWithin(0, 0xffff_ffff),
};

/** As JSON and CBOR are read; whatever else is an object is the schema's. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

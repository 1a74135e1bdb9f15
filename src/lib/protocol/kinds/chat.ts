import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { foldOutput } from '../output.ts';
import { promptTexts } from '../tokens.ts';
import { blobRefSchema } from './blob.ts';
import { functionNameSchema, generationParamsSchema, jsonTextSchema, type GenerationParams } from './generation.ts';
import { plainChatInput, plainGenerationParams } from './plain.ts';
import type { BlobRef, Feature, JobKind } from './spec.ts';

export type ChatMessage = z.output<typeof chatMessageSchema>;
export type ChatTool = z.output<typeof chatToolSchema>;
export type ToolCall = z.output<typeof toolCallSchema>;
export type ChatInput = z.output<typeof chatInputSchema>;

const messageTextSchema = textSchema(limits.messageTextBytesMax);
const callIdSchema = z.string().min(1).max(limits.wordLengthMax);

const contentPartSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: messageTextSchema }),
  z.strictObject({ type: z.literal('blob'), ...blobRefSchema.shape }),
]);

/** A tool call made by the assistant. `arguments` is the JSON text exactly as generated, valid or not. */
export const toolCallSchema = z.strictObject({
  id: callIdSchema,
  name: functionNameSchema,
  arguments: messageTextSchema,
});

export const chatMessageSchema = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.union([messageTextSchema, z.array(contentPartSchema).max(limits.messagePartsMax)]),
  name: z.string().max(limits.nameLengthMax).optional(),
  /** On assistant messages only. */
  toolCalls: z.array(toolCallSchema).min(1).max(limits.toolCallsMax).optional(),
  /** On tool messages only: the call this message answers. */
  toolCallId: callIdSchema.optional(),
});

const chatToolSchema = z.strictObject({
  name: functionNameSchema,
  description: textSchema(limits.jsonTextBytesMax).optional(),
  /** A JSON Schema for an object, as JSON text. */
  parameters: jsonTextSchema.optional(),
});

const chatInputSchema = z.strictObject({
  messages: z.array(chatMessageSchema).min(1).max(limits.messagesMax),
  tools: z.array(chatToolSchema).min(1).max(limits.toolsMax).optional(),
});

/** The text of a message; files contribute nothing. */
export const messageText = (message: ChatMessage): string => promptTexts(message).join('');

/** A conversation and the assistant's next message. */
export const chat = {
  kind: 'chat',
  input: chatInputSchema,
  params: generationParamsSchema,
  plainInput: plainChatInput,
  plainParams: plainGenerationParams,
  parts: ['text-delta', 'reasoning-delta', 'tool-call-delta', 'logprobs'],
  fold: foldOutput,
  units: { in: 'token', out: 'token' },
  outputHash: ['text', 'ids', 'reasoning', 'tool-calls'],
  limits: { blobBytesMax: 8 * 1024 * 1024, blobsMax: 16, dataBytesMax: 0 },
  needs: ({ input, params }) => [
    ...((input.tools && params.toolChoice?.type !== 'none') || input.messages.some(speaksOfCalls)
      ? (['tools'] as const)
      : []),
    ...(blobsOf(input).length > 0 ? (['vision'] as const) : []),
    ...generationNeeds(params),
  ],
  promptLength: ({ messages, tools = [] }) =>
    messages.reduce((sum, message) => sum + messageText(message).length + callsLength(message), 0) +
    tools.reduce((sum, tool) => sum + (tool.description?.length ?? 0) + (tool.parameters?.length ?? 0), 0),
  blobs: blobsOf,
} as const satisfies JobKind<'chat', typeof chatInputSchema, typeof generationParamsSchema>;

/** Features the parameters require beyond sampling. Ignoring any of these would change the meaning of the answer. */
export function generationNeeds({ responseFormat, logprobs, logitBias }: GenerationParams): readonly Feature[] {
  return [
    ...(responseFormat && responseFormat.type !== 'text' ? (['json-schema'] as const) : []),
    ...(logprobs === undefined ? [] : (['logprobs'] as const)),
    ...(logitBias && logitBias.length > 0 ? (['logit-bias'] as const) : []),
  ];
}

function blobsOf({ messages }: ChatInput): readonly BlobRef[] {
  return messages.flatMap(({ content }) =>
    typeof content === 'string' ? [] : content.filter((part) => part.type === 'blob'),
  );
}

/** A model without tool support would drop the calls from such a conversation, or refuse it. */
const speaksOfCalls = ({ role, toolCalls }: ChatMessage): boolean => role === 'tool' || toolCalls !== undefined;

const callsLength = ({ toolCalls = [] }: ChatMessage): number =>
  toolCalls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0);

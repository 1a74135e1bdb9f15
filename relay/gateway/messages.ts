import { createHash } from 'node:crypto';
import { chat, type ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { RequestMessage } from '#lib/protocol/openai.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { badRequest } from './errors.ts';

export interface ConversationWithBlobs {
  readonly messages: readonly ChatMessage[];
  /** Its pictures, by SHA-256. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

type ContentPart = Exclude<ChatMessage['content'], string>[number];

/** For all messages together: they share one frame with the tools and the parameters. */
const textBytesMax = limits.frameBytesMax - 8 * 1024;

/** A message, and the member of the request that it comes from. */
export interface NamedMessage {
  readonly message: RequestMessage;
  readonly param: string;
}

/**
 * Converts OpenAI's messages to the network's, with pictures as blobs. Tool calls and their results are kept.
 * @param list the member of the request that holds them.
 * @throws `bad-request` with the `param`, `too-long`.
 */
export function readConversation(messages: readonly NamedMessage[], list: 'messages' | 'input'): ConversationWithBlobs {
  const blobs = new Map<string, Uint8Array>();
  const read = messages.map(({ message, param }) => readMessage(message, param, blobs));
  let bytes = 0;
  for (const blob of blobs.values()) bytes += blob.length;
  if (bytes > chat.limits.blobBytesMax || blobs.size > chat.limits.blobsMax) {
    const most = `${chat.limits.blobsMax} pictures of ${chat.limits.blobBytesMax} bytes together`;
    throw badRequest(`A conversation has at most ${most}. Send fewer or smaller ones.`, list);
  }
  let textBytes = 0;
  for (const { message } of messages) {
    const size = Buffer.byteLength(textOf(message));
    textBytes += size;
    // Clients shorten what is too long, and do not what is called wrong.
    if (size > limits.messageTextBytesMax) {
      throw wireError('too-long', `A message has at most ${limits.messageTextBytesMax} bytes.`, {
        details: { param: list },
      });
    }
  }
  if (textBytes > textBytesMax || messages.length > limits.messagesMax) {
    throw wireError(
      'too-long',
      `A conversation has at most ${limits.messagesMax} messages and ${textBytesMax} bytes.`,
      {
        details: { param: list },
      },
    );
  }
  return { messages: read, blobs };
}

/**
 * The conversation without its oldest messages, as few as have to go so that one job holds it. Instructions at its head stay, and
 * no result of a tool is left without its call.
 */
export function withoutOldest(messages: readonly NamedMessage[]): readonly NamedMessage[] {
  const head = messages.findIndex(({ message: { role } }) => role !== 'system' && role !== 'developer');
  if (head < 0) return messages;
  const sizes = messages.map(({ message }) => Buffer.byteLength(textOf(message)));
  let bytes = sizes.reduce((sum, size) => sum + size, 0);
  let from = head;
  const isTooMuch = () => bytes > textBytesMax || head + messages.length - from > limits.messagesMax;
  while (from < messages.length - 1 && (isTooMuch() || (from > head && messages[from]!.message.role === 'tool'))) {
    bytes -= sizes[from]!;
    from += 1;
  }
  return from === head ? messages : [...messages.slice(0, head), ...messages.slice(from)];
}

function readMessage(message: RequestMessage, param: string, blobs: Map<string, Uint8Array>): ChatMessage {
  const { role, content, name, tool_calls, tool_call_id } = message;
  if (message['function_call'] != null) {
    throw badRequest(
      'Send tool calls as "tool_calls"; "function_call" is no longer supported.',
      `${param}.function_call`,
    );
  }
  if (role === 'tool' && tool_call_id == null) {
    throw badRequest('A tool message must name the call it answers.', `${param}.tool_call_id`);
  }
  const toolCalls = (tool_calls ?? []).map((call) => ({
    id: call.id,
    name: call.function.name,
    arguments: call.function.arguments,
  }));
  return {
    role: role === 'developer' ? 'system' : role,
    content: readContent(content, `${param}.content`, blobs),
    ...(name == null ? {} : { name }),
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
    ...(role === 'tool' && tool_call_id != null ? { toolCallId: tool_call_id } : {}),
  };
}

function readContent(
  content: RequestMessage['content'],
  param: string,
  blobs: Map<string, Uint8Array>,
): ChatMessage['content'] {
  if (content == null) return '';
  if (typeof content === 'string') return content;
  const parts = content.map((part, index): ContentPart => {
    if (part.type === 'text') return { type: 'text', text: part.text ?? '' };
    if (part.type === 'refusal') return { type: 'text', text: part.refusal ?? '' };
    if (part.type === 'image_url') return readImage(part.image_url, `${param}.${index}.image_url`, blobs);
    throw badRequest(`Only text and pictures are supported; "${part.type.slice(0, 64)}" parts are not.`, param);
  });
  if (parts.some(({ type }) => type === 'blob')) return parts;
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function readImage(
  image: string | { readonly url?: string | null | undefined } | null | undefined,
  param: string,
  blobs: Map<string, Uint8Array>,
): ContentPart {
  const url = typeof image === 'string' ? image : (image?.url ?? '');
  const match = /^data:(image\/[a-z0-9.+-]{1,64});base64,([A-Za-z0-9+/_-]+={0,2})$/i.exec(url);
  if (!match) {
    throw badRequest('Send a picture as a data: URL in base64; nothing is fetched from the web.', param);
  }
  const bytes = Buffer.from(match[2]!, 'base64');
  if (bytes.length === 0) throw badRequest('This picture is empty.', param);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  blobs.set(sha256, bytes);
  return { type: 'blob', mime: match[1]!.toLowerCase(), sha256, sizeBytes: bytes.length };
}

/** The text of a message on the wire. */
function textOf({ content, tool_calls }: RequestMessage): string {
  const parts =
    typeof content === 'string' ? [content] : (content ?? []).map(({ text, refusal }) => text ?? refusal ?? '');
  return [...parts, ...(tool_calls ?? []).map((call) => call.function.name + call.function.arguments)].join('');
}

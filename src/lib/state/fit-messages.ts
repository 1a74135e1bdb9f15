import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';

/** Characters a token stands for, on the careful side for text in Latin script. */
const charactersPerToken = 3;
/** Tokens a chat template puts around each message. */
const tokensPerMessage = 8;

export interface FittedMessages {
  readonly messages: readonly ChatMessage[];
  /** Messages at the beginning that were left out. */
  readonly leftOut: number;
  /** Tokens left for the answer. */
  readonly maxTokens: number;
}

/**
 * The newest messages that fit a context together with the answer, the last one in any case. An estimate: the worker
 * counts for itself and refuses with `too-long` where this was too hopeful.
 */
export function fitMessages(
  messages: readonly ChatMessage[],
  contextTokens: number,
  answerTokensMax: number,
): FittedMessages {
  const maxTokens = Math.max(16, Math.min(answerTokensMax, Math.floor(contextTokens / 2)));
  let room = contextTokens - maxTokens;
  let first = messages.length;
  while (first > 0) {
    const cost = estimateTokens(messages[first - 1]!);
    if (first < messages.length && cost > room) break;
    room -= cost;
    first--;
  }
  // A conversation that begins with an answer confuses small models: begin with a question.
  while (first < messages.length - 1 && messages[first]!.role === 'assistant') first++;
  return { messages: messages.slice(first), leftOut: first, maxTokens };
}

function estimateTokens({ content }: ChatMessage): number {
  const length = typeof content === 'string' ? content.length : 0;
  return Math.ceil(length / charactersPerToken) + tokensPerMessage;
}

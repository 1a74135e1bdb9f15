import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { estimateTokens, promptTexts } from '#lib/protocol/tokens.ts';

/** Tokens a chat template adds to each message. */
const tokensPerMessage = 8;
/** What a picture of the size that is sent comes to in most models. */
const tokensPerPicture = 1_100;
/** Messages sent at most; the wire takes 512 (`limits.messagesMax`). */
const messagesMax = 500;

export interface FittedMessages {
  readonly messages: readonly ChatMessage[];
  /** Number of messages dropped from the beginning. */
  readonly leftOut: number;
  /** Tokens left for the answer. */
  readonly maxTokens: number;
}

/**
 * The newest messages that fit a context together with the answer, always including the last question and what followed it. An estimate: the
 * worker counts exactly and refuses with `too-long` if it was too optimistic.
 * @param system instructions that go first, whatever is left out.
 */
export function fitMessages(
  messages: readonly ChatMessage[],
  contextTokens: number,
  answerTokensMax: number,
  system = '',
): FittedMessages {
  const maxTokens = answerRoom(contextTokens, answerTokensMax);
  const instructions: readonly ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }];
  let room = contextTokens - maxTokens - instructions.reduce((sum, message) => sum + costOf(message), 0);
  const question = Math.max(
    0,
    messages.findLastIndex(({ role }) => role === 'user'),
  );
  let first = messages.length;
  while (first > 0) {
    const cost = costOf(messages[first - 1]!);
    if (first <= question && (cost > room || messages.length - first >= messagesMax)) break;
    room -= cost;
    first--;
  }
  // Start with a question: a conversation that starts with an answer confuses small models, and a result needs its call.
  while (first < question && messages[first]!.role !== 'user') first++;
  return { messages: [...instructions, ...messages.slice(first)], leftOut: first, maxTokens };
}

/** Tokens of the answer in a context of this size. */
export const answerRoom = (contextTokens: number, answerTokensMax: number): number =>
  Math.max(16, Math.min(answerTokensMax, Math.floor(contextTokens / 2)));

const costOf = (message: ChatMessage): number =>
  estimateTokens(promptTexts(message).join('').length, 'high') +
  tokensPerMessage +
  picturesIn(message) * tokensPerPicture;

const picturesIn = ({ content }: ChatMessage): number =>
  typeof content === 'string' ? 0 : content.filter(({ type }) => type === 'blob').length;

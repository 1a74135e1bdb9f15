import { TabloomError } from '#lib/base/errors.ts';
import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { withoutOldestTurn } from './chat-prompt.ts';

export interface FittedPrompt {
  readonly prompt: string;
  readonly tokens: number;
  /** Messages left out, oldest first. */
  readonly dropped: number;
}

/**
 * A prompt that leaves room for an answer: the oldest turns are left out until a quarter of the context is free. What
 * is dropped depends on the messages alone, so a resumed answer sees the same prompt.
 * @throws `too-long` when the last message alone does not fit.
 */
export async function fitHistory(
  messages: readonly ChatMessage[],
  options: {
    readonly render: (messages: readonly ChatMessage[]) => string;
    /** Tokens of a prompt; at least `contextTokens` where it is too long to count. */
    readonly count: (prompt: string) => number | Promise<number>;
    readonly contextTokens: number;
  },
): Promise<FittedPrompt> {
  const { render, count, contextTokens } = options;
  const roomy = contextTokens - Math.floor(contextTokens / 4);
  let kept = messages;
  for (;;) {
    const prompt = render(kept);
    const tokens = await count(prompt);
    const fewer = tokens > roomy ? withoutOldestTurn(kept) : undefined;
    if (!fewer) {
      if (tokens >= contextTokens) throw tooLong(tokens, contextTokens);
      return { prompt, tokens, dropped: messages.length - kept.length };
    }
    kept = fewer;
  }
}

export const tooLong = (tokens: number, contextTokens: number): TabloomError =>
  new TabloomError('too-long', `The message is longer than the model can read (${contextTokens} tokens). Shorten it.`, {
    details: { promptTokens: tokens, contextTokens },
  });

/** What an asker is told when turns were left out. */
export const historyTrimmed = (dropped: number) => ({
  type: 'warning' as const,
  code: 'history-trimmed',
  message: `The conversation is longer than the model can read; its ${dropped} oldest messages were left out.`,
});

import type { AskRequest } from '#lib/peer/spec.ts';
import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { fitMessages } from './fit-messages.ts';
import type { ChatOptions } from './records.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';

/** The options of a conversation, with the settings where it has none. */
export type AskingTerms = ChatOptions & Pick<Settings, 'answerTokensMax' | 'temperature'>;

interface AskedTurn {
  readonly prompt: string;
  readonly answer: { readonly text: string };
}

/**
 * The question at the end of a path, with as much before it as the context takes. Questions that got no answer are not sent.
 * @param contextTokens of the model that is likely to answer.
 */
export function toAskRequest(
  path: readonly AskedTurn[],
  target: Target,
  {
    terms,
    contextTokens,
    budget,
  }: { readonly terms: AskingTerms; readonly contextTokens: number; readonly budget: string | undefined },
): { readonly request: AskRequest; readonly leftOut: number } {
  const messages = path.flatMap(({ prompt, answer }, index): ChatMessage[] => {
    const question: ChatMessage = { role: 'user', content: prompt };
    if (index === path.length - 1) return [question];
    return answer.text === '' ? [] : [question, { role: 'assistant', content: answer.text }];
  });
  const fitted = fitMessages(messages, contextTokens, terms.answerTokensMax, terms.system?.trim());
  const request: AskRequest = {
    model: target.model === 'any' ? 'any' : { name: target.model },
    kind: 'chat',
    input: { messages: [...fitted.messages] },
    params: {
      maxTokens: fitted.maxTokens,
      temperature: terms.temperature,
      ...(terms.topP === undefined ? {} : { topP: terms.topP }),
    },
    tier: 'open',
    budget: target.by === 'this-device' ? undefined : budget,
    only: target.by === 'anyone' || target.by === 'this-device' ? undefined : [target.by],
  };
  return { request, leftOut: fitted.leftOut };
}

/** Without members that are `undefined`. */
export const definedOf = ({ system, temperature, topP, answerTokensMax }: ChatOptions) => ({
  ...(system === undefined ? {} : { system }),
  ...(temperature === undefined ? {} : { temperature }),
  ...(topP === undefined ? {} : { topP }),
  ...(answerTokensMax === undefined ? {} : { answerTokensMax }),
});

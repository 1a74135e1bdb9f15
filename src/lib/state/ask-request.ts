import type { AskRequest } from '#lib/peer/spec.ts';
import type { ChatMessage, ChatTool, ToolCall } from '#lib/protocol/kinds/chat.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import type { Attachment } from './attachment.ts';
import { picturesToSend, withPictures } from './pictures.ts';
import { fitMessages } from './fit-messages.ts';
import type { ChatOptions } from './records.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import type { ToolResult } from './tools/toolbox.ts';

/** The options of a conversation, with the settings where it has none. */
export type AskingTerms = ChatOptions & Pick<Settings, 'answerTokensMax' | 'temperature'>;

interface AskedTurn {
  readonly prompt: string;
  readonly attachments?: readonly Attachment[];
  readonly results?: readonly ToolResult[] | undefined;
  readonly answer: { readonly text: string; readonly output: { readonly toolCalls: readonly ToolCall[] } };
}

/** Tools that the model may call now. `withheld`: it has called them often enough, and has to answer with what it has. */
export interface OfferedTools {
  readonly tools: readonly ChatTool[];
  readonly as: 'offered' | 'withheld';
}

/**
 * The question at the end of a path, with as much before it as the context takes. Questions that got no answer are not sent, nor
 * calls of tools where none are offered: only what was answered in the end.
 * @param contextTokens of the model that is likely to answer.
 */
export function toAskRequest(
  path: readonly AskedTurn[],
  target: Target,
  {
    terms,
    contextTokens,
    budget,
    tools,
    sight = 'blind',
  }: {
    readonly terms: AskingTerms;
    readonly contextTokens: number;
    readonly budget: string | undefined;
    readonly tools?: OfferedTools | undefined;
    /** Whether whoever is asked sees pictures. */
    readonly sight?: 'sees' | 'blind' | undefined;
  },
): { readonly request: AskRequest; readonly leftOut: number; readonly picturesLeftOut: number } {
  const offered = tools?.tools ?? [];
  const definitions = offered.reduce(
    (sum, tool) => sum + `${tool.description ?? ''}${tool.parameters ?? ''}`.length,
    0,
  );
  const pictures = picturesToSend(path, sight);
  const fitted = fitMessages(
    messagesOf(path, tools !== undefined, pictures.sent),
    Math.max(0, contextTokens - estimateTokens(definitions, 'high')),
    terms.answerTokensMax,
    terms.system?.trim(),
  );
  const request: AskRequest = {
    model: target.model === 'any' ? 'any' : { name: target.model },
    kind: 'chat',
    input: { messages: [...fitted.messages], ...(offered.length > 0 ? { tools: [...offered] } : {}) },
    params: {
      maxTokens: fitted.maxTokens,
      temperature: terms.temperature,
      ...(terms.topP === undefined ? {} : { topP: terms.topP }),
      ...(tools?.as === 'withheld' ? { toolChoice: { type: 'none' as const } } : {}),
    },
    // Nobody has to prove anything of this device itself.
    tier: target.by === 'this-device' ? 'open' : (terms.tier ?? 'open'),
    ...(pictures.sent.size > 0 ? { blobs: pictures.blobs } : {}),
    budget: target.by === 'this-device' ? undefined : budget,
    only: target.by === 'anyone' || target.by === 'this-device' ? undefined : [target.by],
  };
  return { request, leftOut: fitted.leftOut, picturesLeftOut: pictures.leftOut };
}

function messagesOf(path: readonly AskedTurn[], offered: boolean, sent: ReadonlySet<Attachment>): ChatMessage[] {
  const last = path.at(-1);
  const withCalls = offered || (last?.results?.length ?? 0) > 0;
  return path.flatMap((turn, index): ChatMessage[] => {
    const { prompt, results = [], answer } = turn;
    const asks: ChatMessage[] =
      results.length === 0
        ? [{ role: 'user', content: withPictures(prompt, turn.attachments, sent) }]
        : withCalls
          ? results.map(({ id, text }) => ({ role: 'tool', content: text, toolCallId: id }))
          : [];
    if (turn === last) return asks;
    const answered = (path[index + 1]?.results?.length ?? 0) > 0;
    if (!answered) {
      const needed = answer.text !== '' || results.length > 0;
      return needed ? [...asks, ...said(answer.text)] : [];
    }
    if (!withCalls) return asks;
    return [...asks, { role: 'assistant', content: answer.text, toolCalls: [...answer.output.toolCalls] }];
  });
}

const said = (text: string): ChatMessage[] => (text === '' ? [] : [{ role: 'assistant', content: text }]);

/** Without members that are `undefined`. */
export const definedOf = ({ system, temperature, topP, answerTokensMax, tier }: ChatOptions) => ({
  ...(system === undefined ? {} : { system }),
  ...(temperature === undefined ? {} : { temperature }),
  ...(topP === undefined ? {} : { topP }),
  ...(tier === undefined ? {} : { tier }),
  ...(answerTokensMax === undefined ? {} : { answerTokensMax }),
});

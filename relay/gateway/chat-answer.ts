import type { JobState } from '#lib/peer/session/job-state.ts';
import type { ChatCompletion, TokenLogprob } from '#lib/protocol/openai.ts';
import type { Logprob, Part, Usage } from '#lib/protocol/part.ts';
import { describeAnswer } from './extension.ts';
import type { AnswerForm, AnswerHead, ChunkWriter, Wish } from './wish.ts';

/** OpenAI's `chat.completion` and its chunks. */
export const chatForm: AnswerForm = { whole: writeCompletion, chunks: createChunkWriter };

function writeCompletion(head: AnswerHead, state: JobState): ChatCompletion {
  const { text, reasoning, toolCalls, logprobs } = state.output;
  return {
    id: completionId(head.id),
    object: 'chat.completion',
    created: head.created,
    model: state.worker?.model ?? head.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text === '' && toolCalls.length > 0 ? null : text,
          refusal: null,
          ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
          ...(toolCalls.length === 0
            ? {}
            : {
                tool_calls: toolCalls.map(({ id, name, arguments: json }) => ({
                  id,
                  type: 'function' as const,
                  function: { name, arguments: json },
                })),
              }),
        },
        logprobs: logprobs.length === 0 ? null : { content: logprobs.map(writeLogprob), refusal: null },
        finish_reason: finishReason(state),
      },
    ],
    usage: writeUsage(state.usage),
    tabloom: describeAnswer(head, state),
  };
}

function createChunkWriter(head: AnswerHead, usageChunk: Wish['usageChunk']): ChunkWriter {
  const common = {
    id: completionId(head.id),
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
  };
  const usageless = usageChunk === 'sent' ? { usage: null } : {};
  const frame = (body: object) => `data: ${JSON.stringify({ ...common, ...body })}\n\n`;
  const choice = (delta: object, reason: string | null = null, logprobs: object | null = null) => ({
    choices: [{ index: 0, delta, logprobs, finish_reason: reason }],
    ...usageless,
  });
  const part = (part: Part): string => {
    switch (part.type) {
      case 'text-delta':
        return part.text === '' ? '' : frame(choice({ content: part.text }));
      case 'reasoning-delta':
        return part.text === '' ? '' : frame(choice({ reasoning_content: part.text }));
      case 'tool-call-delta':
        return frame(choice({ tool_calls: [writeCallDelta(part)] }));
      case 'logprobs':
        // They come after their text, so they have a chunk of their own: clients add them up.
        return frame(choice({ content: '' }, null, { content: part.items.map(writeLogprob), refusal: null }));
      default:
        return '';
    }
  };
  return {
    begin: () => frame(choice({ role: 'assistant', content: '' })),
    part,
    finish(state) {
      const tabloom = describeAnswer(head, state);
      const last = choice({}, finishReason(state));
      if (usageChunk === 'omitted') return frame({ ...last, tabloom });
      return frame(last) + frame({ choices: [], usage: writeUsage(state.usage), tabloom });
    },
  };
}

const writeCallDelta = ({ index, id, name, arguments: json }: Extract<Part, { type: 'tool-call-delta' }>) => ({
  index,
  ...(id === undefined ? {} : { id, type: 'function' }),
  function: { ...(name === undefined ? {} : { name }), arguments: json },
});

const writeLogprob = ({ token, bytes, logprob, top }: Logprob): TokenLogprob => ({
  token,
  logprob,
  bytes: bytes ? [...bytes] : [...Buffer.from(token)],
  top_logprobs: top.map((other) => ({
    token: other.token,
    logprob: other.logprob,
    bytes: other.bytes ? [...other.bytes] : [...Buffer.from(other.token)],
  })),
});

const completionId = (id: string) => `chatcmpl-${id}`;

export function writeUsage(usage: Usage | undefined) {
  const { tokensIn, tokensOut } = usage ?? { tokensIn: 0, tokensOut: 0 };
  return { prompt_tokens: tokensIn, completion_tokens: tokensOut, total_tokens: tokensIn + tokensOut };
}

/**
 * OpenAI has no word for an answer that was stopped; its clients stop by leaving. Some engines end a call with `stop`,
 * which clients would take for an answer.
 */
export function finishReason({ reason, output }: JobState): 'stop' | 'length' | 'tool_calls' | 'content_filter' {
  if (reason === 'length') return 'length';
  if (reason === 'content-filter') return 'content_filter';
  return reason === 'tool-calls' || output.toolCalls.length > 0 ? 'tool_calls' : 'stop';
}

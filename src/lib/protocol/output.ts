import type { Logprob, Part } from './part.ts';
import type { ToolCall } from './kinds/chat.ts';
import { maxTokensMax } from './max-tokens.ts';

/**
 * Everything received of an answer so far: the fold of its parts, from all workers. Plain data, shared by pages,
 * gateway and receipts.
 */
export interface Output {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  readonly logprobs: readonly Logprob[];
  /** Vectors or files, by part index. */
  readonly data: readonly OutputData[];
  /** Total of text, reasoning and tool calls. */
  readonly tokens: number;
  readonly reasoningTokens: number;
}

export interface OutputData {
  readonly mime: string;
  readonly chunks: readonly Uint8Array[];
}

export const emptyOutput: Output = {
  text: '',
  reasoning: '',
  toolCalls: [],
  logprobs: [],
  data: [],
  tokens: 0,
  reasoningTokens: 0,
};

/** The media type given to vectors. */
export const vectorMime = 'application/x-float32';

/**
 * Appends one part; warnings change nothing. A fragment of a tool call that has not started is dropped, though its
 * tokens count.
 */
export function foldOutput(output: Output, part: Part): Output {
  switch (part.type) {
    case 'text-delta':
      return { ...output, text: output.text + part.text, tokens: output.tokens + part.tokens };
    case 'reasoning-delta':
      return {
        ...output,
        reasoning: output.reasoning + part.text,
        tokens: output.tokens + part.tokens,
        reasoningTokens: output.reasoningTokens + part.tokens,
      };
    case 'tool-call-delta':
      return { ...output, toolCalls: foldCall(output.toolCalls, part), tokens: output.tokens + part.tokens };
    case 'logprobs':
      if (output.logprobs.length >= maxTokensMax) return output;
      return { ...output, logprobs: [...output.logprobs, ...part.items] };
    case 'embedding':
      return { ...output, data: foldData(output.data, part.index, vectorMime, part.vector) };
    case 'data-delta':
      return { ...output, data: foldData(output.data, part.index, part.mime, part.bytes) };
    case 'warning':
      return output;
  }
}

function foldCall(
  calls: readonly ToolCall[],
  { index, id, name, arguments: text }: Extract<Part, { type: 'tool-call-delta' }>,
): readonly ToolCall[] {
  const known = calls[index];
  if (known) return calls.with(index, { ...known, arguments: known.arguments + text });
  if (index !== calls.length || id === undefined || name === undefined) return calls;
  return [...calls, { id, name, arguments: text }];
}

function foldData(data: readonly OutputData[], index: number, mime: string, bytes: Uint8Array): readonly OutputData[] {
  const known = data[index];
  if (known) return data.with(index, { ...known, chunks: [...known.chunks, bytes] });
  return index === data.length ? [...data, { mime, chunks: [bytes] }] : data;
}

/** UTF-16 code units a part adds to the text, reasoning or tool calls. */
export function partLength(part: Part): number {
  switch (part.type) {
    case 'text-delta':
    case 'reasoning-delta':
      return part.text.length;
    case 'tool-call-delta':
      return part.arguments.length;
    default:
      return 0;
  }
}

/** Tokens counted by a part; 0 for parts that carry none. */
export const partTokens = (part: Part): number => ('tokens' in part ? part.tokens : 0);

/** Bytes of file or vector data in a part. */
export function partBytes(part: Part): number {
  if (part.type === 'data-delta') return part.bytes.length;
  return part.type === 'embedding' ? part.vector.length : 0;
}

/** Whether a part carries content: tokens, text or data, as opposed to warnings and log-probabilities. */
export const hasContent = (part: Part): boolean =>
  part.type === 'embedding' || part.type === 'data-delta' || partLength(part) > 0 || partTokens(part) > 0;

import { TabloomError } from '#lib/base/errors.ts';
import type { ChatMessage, ChatTool } from '#lib/protocol/kinds/chat.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { resumeUnsupported, tokensLeft } from '../answer.ts';
import { seedAt } from '../sampling.ts';
import type { RequestOf, TextRequest } from '../spec.ts';

/**
 * Server-specific behaviour beyond the protocol. `vllm` can be asked to continue an assistant message and to report
 * usage in every chunk; `llama-server` and `ollama` always continue one; `openai` cannot.
 */
export type ServerFlavour = 'vllm' | 'llama-server' | 'ollama' | 'openai';

export interface RequestBody {
  /** Relative to the base URL. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Parameters this server does not support. */
  readonly unsupported: readonly string[];
}

interface BodyOptions {
  readonly model: string;
  readonly flavour: ServerFlavour;
}

/**
 * The request in the server's format. @throws `resume-unsupported` if the server cannot resume this answer, `bad-request`
 * if the bytes of an image are missing.
 */
export function requestBody(request: TextRequest, options: BodyOptions): RequestBody {
  const { flavour, model } = options;
  const { params } = request;
  if (request.resume && isConstrained(request)) {
    throw resumeUnsupported('A model server would start the requested format over.');
  }
  const { extra, unsupported } = extraSampling(params, flavour);
  const shared = {
    model,
    stream: true,
    stream_options: { include_usage: true, ...(flavour === 'vllm' ? { continuous_usage_stats: true } : {}) },
    max_tokens: tokensLeft(request),
    temperature: params.temperature,
    top_p: params.topP,
    frequency_penalty: params.frequencyPenalty,
    presence_penalty: params.presencePenalty,
    seed: params.seed === undefined ? undefined : seedAt(params.seed, request.resume?.tokens ?? 0),
    ...stopMembers(params, flavour),
    logit_bias: params.logitBias && Object.fromEntries(params.logitBias),
    response_format: responseFormat(params),
    ...extra,
    ...(flavour === 'llama-server' ? { timings_per_token: true } : {}),
  };
  if (request.kind === 'completion') {
    const prompt = request.input.prompt + (request.resume?.text ?? '');
    return { path: 'completions', body: { ...shared, prompt, logprobs: params.logprobs }, unsupported };
  }
  return { path: 'chat/completions', body: { ...shared, ...chatMembers(request, flavour) }, unsupported };
}

/** Whether a grammar applies, which servers enforce only on newly generated text and not on the resumed part. */
const isConstrained = ({ params: { responseFormat, toolChoice } }: TextRequest): boolean =>
  (responseFormat !== undefined && responseFormat.type !== 'text') ||
  toolChoice?.type === 'required' ||
  toolChoice?.type === 'named';

function chatMembers(request: RequestOf<'chat'>, flavour: ServerFlavour) {
  const { params, input, resume } = request;
  const resumed = resume !== undefined && resume.text !== '';
  if (resumed && flavour === 'openai') {
    throw resumeUnsupported('This model server cannot resume an answer.');
  }
  const messages = input.messages.map((message) => writeMessage(message, request.blobs));
  return {
    messages: resumed ? [...messages, { role: 'assistant', content: resume.text }] : messages,
    ...(resumed && flavour === 'vllm' ? { add_generation_prompt: false, continue_final_message: true } : {}),
    ...(params.logprobs === undefined ? {} : { logprobs: true, top_logprobs: params.logprobs }),
    tools: input.tools?.map(writeTool),
    tool_choice: writeToolChoice(params.toolChoice),
    parallel_tool_calls: params.parallelToolCalls,
    reasoning_effort: params.reasoningEffort,
  };
}

/**
 * vLLM delays all text by the length of the longest stop sequence, so that what has arrived ends inside a token, unless the
 * sequence is part of the answer; it is cut off here.
 */
function stopMembers({ stop = [] }: GenerationParams, flavour: ServerFlavour) {
  if (stop.length === 0) return {};
  return { stop, ...(flavour === 'vllm' ? { include_stop_str_in_output: true } : {}) };
}

/** Server-specific names of sampling parameters that OpenAI lacks. */
function extraSampling({ topK, minP, repetitionPenalty }: GenerationParams, flavour: ServerFlavour) {
  if (topK === undefined && minP === undefined && repetitionPenalty === undefined) return noExtra;
  const penalty = flavour === 'llama-server' ? 'repeat_penalty' : 'repetition_penalty';
  const extra = { top_k: topK, min_p: minP, [penalty]: repetitionPenalty };
  if (flavour === 'vllm' || flavour === 'llama-server') return { extra, unsupported: [] };
  // Other servers reject or silently ignore unknown members.
  return {
    extra: {},
    unsupported: Object.entries(extra).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  };
}

const noExtra = { extra: {}, unsupported: [] } as const;

function responseFormat({ responseFormat: format }: GenerationParams) {
  if (format === undefined || format.type === 'text') return undefined;
  if (format.type === 'json-object') return { type: 'json_object' };
  const schema: unknown = JSON.parse(format.schema);
  return { type: 'json_schema', json_schema: { name: format.name ?? 'answer', schema, strict: true } };
}

function writeToolChoice(choice: GenerationParams['toolChoice']) {
  return choice?.type === 'named' ? { type: 'function', function: { name: choice.name } } : choice?.type;
}

const writeTool = ({ name, description, parameters }: ChatTool) => ({
  type: 'function',
  function: { name, description, parameters: parameters === undefined ? undefined : JSON.parse(parameters) },
});

function writeMessage({ role, content, name, toolCalls, toolCallId }: ChatMessage, blobs: RequestOf<'chat'>['blobs']) {
  return {
    role,
    content: content === '' && toolCalls ? null : typeof content === 'string' ? content : content.map(writePart(blobs)),
    ...(name === undefined ? {} : { name }),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(toolCalls
      ? {
          tool_calls: toolCalls.map((call) => ({
            id: call.id,
            type: 'function',
            function: { name: call.name, arguments: call.arguments },
          })),
        }
      : {}),
  };
}

type ContentPart = Exclude<ChatMessage['content'], string>[number];

const writePart = (blobs: RequestOf<'chat'>['blobs']) => (part: ContentPart) => {
  if (part.type === 'text') return part;
  const bytes = blobs?.get(part.sha256);
  if (!bytes) throw new TabloomError('bad-request', 'An image of the conversation is missing. Send it again.');
  return { type: 'image_url', image_url: { url: `data:${part.mime};base64,${toBase64(bytes)}` } };
};

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}

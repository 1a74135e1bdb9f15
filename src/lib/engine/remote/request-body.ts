import { TabloomError } from '#lib/base/errors.ts';
import { messageText } from '#lib/protocol/kinds/chat.ts';
import { tokensLeft } from '../answer.ts';
import type { TextRequest } from '../spec.ts';

/**
 * What a server does beyond the protocol. `vllm` continues an assistant message when told to and counts in every chunk;
 * `llama-server` and `ollama` continue one by themselves; `openai` cannot.
 */
export type ServerFlavour = 'vllm' | 'llama-server' | 'ollama' | 'openai';

/** Path below the base address, and the body to post. */
export function requestBody(
  request: TextRequest,
  options: { readonly model: string; readonly flavour: ServerFlavour },
): { readonly path: string; readonly body: Readonly<Record<string, unknown>> } {
  const { flavour, model } = options;
  const { params, resume } = request;
  if (resume && resume.text !== '' && request.kind === 'chat' && flavour === 'openai') {
    throw new TabloomError('engine-failed', 'This model server cannot go on with an answer. Ask anew.');
  }
  const shared = {
    model,
    stream: true,
    stream_options: { include_usage: true, ...(flavour === 'vllm' ? { continuous_usage_stats: true } : {}) },
    max_tokens: tokensLeft(request),
    temperature: params.temperature,
    top_p: params.topP,
    frequency_penalty: params.frequencyPenalty,
    presence_penalty: params.presencePenalty,
    seed: params.seed,
    stop: params.stop && params.stop.length > 0 ? params.stop : undefined,
    ...(flavour === 'llama-server' ? { timings_per_token: true } : {}),
  };
  if (request.kind === 'completion') {
    return { path: 'completions', body: { ...shared, prompt: request.input.prompt + (resume?.text ?? '') } };
  }
  const messages = request.input.messages.map((message) => ({
    role: message.role,
    content: messageText(message),
    ...(message.name === undefined ? {} : { name: message.name }),
  }));
  if (resume && resume.text !== '') messages.push({ role: 'assistant', content: resume.text });
  const prefill =
    resume && resume.text !== '' && flavour === 'vllm'
      ? { add_generation_prompt: false, continue_final_message: true }
      : {};
  return { path: 'chat/completions', body: { ...shared, ...prefill, messages } };
}

import { z } from 'zod';
import { throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { readText } from './chunk.ts';
import { limits } from '#lib/protocol/limits.ts';
import { httpError } from './http-error.ts';
import type { ServerFlavour } from './request-body.ts';
import { callServer, type ModelServerAddress } from './server-url.ts';

export interface ServerModel {
  readonly name: string;
  /** What kind of server lists it; `openai` where it does not say. */
  readonly flavour: ServerFlavour;
  /** Its context in tokens, where the server says it. */
  readonly contextTokens?: number | undefined;
}

const contextTokens = z.number().int().min(1).max(limits.contextTokensMax).optional().catch(undefined);

const modelsSchema = z.looseObject({
  data: z
    .array(
      z.looseObject({
        id: z.string(),
        owned_by: z.string().optional().catch(undefined),
        /** vLLM; LM Studio and others; llama.cpp. */
        max_model_len: contextTokens,
        context_length: contextTokens,
        meta: z.looseObject({ n_ctx: contextTokens }).nullish().catch(undefined),
      }),
    )
    .max(10_000),
});

/** What the servers write as the owner of their models. */
const flavours: Readonly<Record<string, ServerFlavour>> = { vllm: 'vllm', llamacpp: 'llama-server', library: 'ollama' };

/** The models that a server lists. @throws `load-failed`, `busy`, `engine-failed`, the signal's coded error. */
export async function listServerModels(
  server: ModelServerAddress & { readonly clock: Clock },
  { signal }: AbortOptions = {},
): Promise<readonly ServerModel[]> {
  throwIfAborted(signal);
  try {
    const response = await callServer(server, 'models', signal ? { signal } : {});
    if (!response.ok) throw await httpError(response, server.clock.now());
    const { data } = modelsSchema.parse(JSON.parse(await readText(response)));
    const named = data.filter(({ id }) => id !== '' && id.length <= limits.nameLengthMax);
    return named.map(({ id, owned_by = '', max_model_len, context_length, meta }) => ({
      name: id,
      flavour: flavours[owned_by] ?? 'openai',
      contextTokens: max_model_len ?? context_length ?? meta?.n_ctx,
    }));
  } catch (cause) {
    throwIfAborted(signal);
    // Keep specific errors such as a rejected key; `model-unknown` is meaningless here, since no model was named.
    if (cause instanceof TabloomError && cause.code !== 'model-unknown') throw cause;
    throw new TabloomError('load-failed', 'The model server does not respond. Start it or correct its address.', {
      cause,
    });
  }
}

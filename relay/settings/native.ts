import { z } from 'zod';
import { peerIdSchema } from '#lib/protocol/ids.ts';
import { features } from '#lib/protocol/kinds/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { EnvOf, Settings } from './setting.ts';
import { decimal, list, path, serverSchema } from './values.ts';

export type NativeEnv = EnvOf<typeof nativeSettings>;

/** Peers whose jobs are the owner's. */
const ownerPeersMax = 16;
/** Model servers of one provider. */
export const backendsMax = 16;

const modelNames = list.pipe(z.array(z.string().max(limits.nameLengthMax)).max(limits.offerModelsMax)).default([]);

/** What a native provider serves, in a relay or as a process of its own. */
export const nativeSettings = {
  NATIVE_SERVER: {
    schema: list.pipe(z.array(serverSchema).max(backendsMax)).default([]),
    meaning:
      'Base addresses of model servers, at most 16, separated by commas; one without a path means `/v1`. Their models replace the bundled one.',
    flag: { name: 'backend', argument: 'urls', help: 'model servers, by commas; without, the bundled model' },
  },
  BACKENDS: {
    schema: path.optional(),
    meaning: 'A JSON file with model servers, each with its own settings; see [Model servers](#model-servers).',
    flag: { name: 'backends', argument: 'file', help: 'a JSON file with model servers and their settings' },
  },
  NATIVE_SERVER_KIND: {
    schema: z.enum(['detect', 'openai', 'vllm', 'ollama', 'llama-server']).default('detect'),
    meaning:
      "`vllm`, `ollama`, `llama-server`, or `openai` for any other: determines server-specific behaviour beyond OpenAI's protocol. `detect` reads it from the server's model list.",
  },
  NATIVE_SERVER_KEY: {
    schema: z.string().optional(),
    secret: true,
    meaning: 'API key of the model server, if any. Sent only to that server and never logged.',
  },
  NATIVE_MODELS: {
    schema: modelNames,
    standard: 'all they list',
    meaning:
      'Names of models to offer, as the servers list them, separated by commas; at most 32. `*` stands for any characters.',
    flag: { name: 'models', argument: 'names', help: 'models to offer, by commas' },
  },
  NATIVE_EMBEDDING_MODELS: {
    schema: modelNames,
    meaning: 'Names of embedding models of the servers. If only these are given, no others are offered.',
  },
  NATIVE_FEATURES: {
    schema: list.pipe(z.array(z.enum(['probe', ...features]))).default(['probe']),
    meaning:
      'Features of the models: `tools`, `json-schema`, `logprobs`, `logit-bias`, `vision`, `seed`, `reasoning`. `probe` tests the first three when a model appears.',
  },
  NATIVE_CONTEXT_TOKENS: {
    schema: decimal.pipe(z.number().int().min(64).max(1_048_576)).optional(),
    standard: 'as the server says, else `4096`',
    meaning: 'Context size of these models, prompt and answer together. vLLM, llama.cpp and LM Studio say it.',
  },
  NATIVE_SLOTS: {
    schema: decimal.pipe(z.number().int().min(1).max(256)).default(8),
    meaning: 'Concurrent answers per model; further ones are queued.',
    flag: { name: 'slots', argument: 'number', help: 'concurrent answers per model' },
  },
  NATIVE_RESERVE: {
    schema: decimal.pipe(z.number().int().max(255)).default(0),
    meaning:
      "How many of these only the owner's jobs take; fewer than all. Offers do not announce them. See [The owner first](#the-owner-first).",
  },
  OWNER_PEERS: {
    schema: list.pipe(z.array(peerIdSchema).max(ownerPeersMax)).default([]),
    meaning:
      "Peers whose jobs are the owner's, by id, at most 16, separated by commas: each counts with all that it asks.",
  },
  HARDWARE_CARD: {
    schema: z.enum(['on', 'off']).default('on'),
    meaning:
      "Offers name the machine's GPUs with their memory and driver, read from `nvidia-smi` or `rocm-smi`. It is a claim, see [What is known of a machine](#what-is-known-of-a-machine); `off` makes none.",
  },
} as const satisfies Settings;

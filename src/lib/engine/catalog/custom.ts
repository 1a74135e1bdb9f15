import { TabloomError } from '#lib/base/errors.ts';
import { artefactId } from '#lib/protocol/artefact.ts';
import { modelEntrySchema } from '../model-entry.ts';
import type { ModelEntry, ModelSource } from '../spec.ts';
import { mlcArtefact } from './mlc-artefact.ts';

/** A user-supplied model: MLC weights and a compiled library, or one GGUF file with its hash. */
export interface CustomModel {
  readonly name: string;
  readonly title?: string;
  readonly base?: string | undefined;
  readonly source: Extract<ModelSource, { kind: 'gguf' }> | OwnMlcSource;
  readonly contextTokens: number;
  /** For the fit check; 0 skips it. */
  readonly memoryBytes?: number;
  readonly quantisation?: string;
  readonly parameters?: number;
  readonly licence?: string;
}

/** `f16` is inferred from the library's name if omitted. */
type OwnMlcSource = Omit<Extract<ModelSource, { kind: 'mlc' }>, 'f16'> & { readonly f16?: boolean | undefined };

/** Whether a library computes in 16 bits, inferred from the compiler's naming scheme: `…-q4f16_1_cs1k-webgpu.wasm`. */
export const needsF16 = (libraryUrl: string): boolean => /q\d+f16/i.test(new URL(libraryUrl).pathname);

/** @throws `bad-model` naming what to correct. */
export function customModel(custom: CustomModel): ModelEntry {
  const { source } = custom;
  if (source.kind === 'mlc') {
    assertUrl(source.weightsUrl, 'weights');
    assertUrl(source.libraryUrl, 'library');
    if (!new URL(source.libraryUrl).pathname.endsWith('.wasm')) {
      throw new TabloomError('bad-model', 'The library must be a .wasm file compiled for this version of WebLLM.');
    }
  } else assertUrl(source.url, 'model file');
  const parsed = modelEntrySchema.safeParse({
    name: custom.name,
    title: custom.title ?? custom.name,
    ...(custom.base === undefined ? {} : { base: custom.base }),
    engines: source.kind === 'mlc' ? ['webllm'] : ['wllama', 'llama'],
    artefact:
      source.kind === 'mlc'
        ? mlcArtefact(source)
        : artefactId({ files: [{ path: 'model.gguf', sizeBytes: source.sizeBytes, sha256: source.sha256 }] }),
    contextTokens: custom.contextTokens,
    quantisation: custom.quantisation ?? 'unknown',
    parameters: custom.parameters ?? 0,
    sizeBytes: source.kind === 'gguf' ? source.sizeBytes : 0,
    memoryBytes: custom.memoryBytes ?? 0,
    licence: custom.licence ?? 'unknown',
    source: source.kind === 'mlc' ? { ...source, f16: source.f16 ?? needsF16(source.libraryUrl) } : source,
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TabloomError(
    'bad-model',
    `The model's "${issue?.path.join('.') ?? ''}" is not valid: ${issue?.message ?? ''}. Correct it.`,
  );
}

function assertUrl(text: string, what: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url?.hostname === 'localhost' || url?.hostname === '127.0.0.1' || url?.hostname === '[::1]';
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && local)) || url.username || url.password) {
    throw new TabloomError('bad-model', `Give the ${what} a full https address without a user name.`);
  }
}

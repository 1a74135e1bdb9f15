import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import type { ModelSource } from '../spec.ts';

export type MlcSource = Extract<ModelSource, { kind: 'mlc' }>;

/** The three caches that WebLLM reads, by its names. */
export type MlcCacheName = 'webllm/config' | 'webllm/wasm' | 'webllm/model';

/** One file of a model and where WebLLM looks for it. */
export interface MlcFile {
  readonly cache: MlcCacheName;
  readonly url: string;
  /** 0 while unknown. */
  readonly sizeBytes: number;
  /** Hexadecimal, as the weights' own list states it: finds broken downloads, proves nothing about the publisher. */
  readonly md5: string | undefined;
}

/** The folder of the weights as WebLLM completes it: a branch unless one is named. */
export function weightsFolder(source: Pick<MlcSource, 'weightsUrl'>): string {
  const folder = source.weightsUrl.endsWith('/') ? source.weightsUrl : `${source.weightsUrl}/`;
  return new URL(/\/resolve\/[^/]+\//.test(folder) ? folder : `${folder}resolve/main/`).href;
}

const weightsListSchema = z.looseObject({
  records: z
    .array(
      z.looseObject({
        dataPath: z
          .string()
          .max(256)
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
        nbytes: z.number().int().positive(),
        md5sum: z
          .string()
          .regex(/^[0-9a-f]{32}$/)
          .nullish(),
      }),
    )
    .min(1)
    .max(4_096),
});

const configSchema = z.looseObject({
  tokenizer_files: z.array(z.string().max(256)).max(32),
  conv_template: z.looseObject({}).optional(),
});

/** The weight files named by `tensor-cache.json`. @throws `model-corrupt`. */
export function weightFiles(folder: string, list: unknown): readonly MlcFile[] {
  const parsed = weightsListSchema.safeParse(list);
  if (!parsed.success) throw notMlc('tensor-cache.json');
  return parsed.data.records.map((record) => ({
    cache: 'webllm/model',
    url: new URL(record.dataPath, folder).href,
    sizeBytes: record.nbytes,
    md5: record.md5sum ?? undefined,
  }));
}

/** The tokenizer that WebLLM will choose by `mlc-chat-config.json`. @throws `model-corrupt`. */
export function tokenizerFile(folder: string, config: unknown): MlcFile {
  const parsed = configSchema.safeParse(config);
  const name = ['tokenizer.json', 'tokenizer.model'].find((file) => parsed.data?.tokenizer_files.includes(file));
  if (!name) throw notMlc('mlc-chat-config.json');
  return { cache: 'webllm/model', url: new URL(name, folder).href, sizeBytes: 0, md5: undefined };
}

export const configFile = (folder: string): MlcFile => ({
  cache: 'webllm/config',
  url: new URL('mlc-chat-config.json', folder).href,
  sizeBytes: 0,
  md5: undefined,
});

export const weightsListFile = (folder: string): MlcFile => ({
  cache: 'webllm/model',
  url: new URL('tensor-cache.json', folder).href,
  sizeBytes: 0,
  md5: undefined,
});

/** WebLLM keeps no library of this machine's own servers; neither do we. */
export const libraryFile = (source: Pick<MlcSource, 'libraryUrl'>): MlcFile | undefined =>
  source.libraryUrl.startsWith('http') && !source.libraryUrl.includes('localhost')
    ? { cache: 'webllm/wasm', url: source.libraryUrl, sizeBytes: 0, md5: undefined }
    : undefined;

const notMlc = (file: string): TabloomError =>
  new TabloomError(
    'model-corrupt',
    `The address holds no weights in MLC layout: ${file} is not what it should be. Correct it.`,
  );

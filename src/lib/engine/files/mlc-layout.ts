import { z } from 'zod';
import { utf8Decode } from '#lib/base/bytes.ts';
import type { ModelSource } from '../spec.ts';
import { matchesIntegrity } from './integrity.ts';

export type MlcSource = Extract<ModelSource, { kind: 'mlc' }>;

/** The three caches that WebLLM reads, by its names. */
export type MlcCacheName = 'webllm/config' | 'webllm/wasm' | 'webllm/model';

/** One file of a model and where WebLLM looks for it. */
interface MlcFile {
  readonly cache: MlcCacheName;
  readonly url: string;
}

/** A file of weights: bytes that nobody but WebLLM reads. */
export interface MlcShard extends MlcFile {
  readonly sizeBytes: number;
  /** Hexadecimal, as the weights' own list states it: finds broken downloads, proves nothing about the publisher. */
  readonly md5: string | undefined;
}

/** A small file, known to be the right one by what is in it. */
export interface MlcDocument<T = unknown> extends MlcFile {
  /** What it says; undefined when it is something else, as a page that a server gives for everything. */
  read(bytes: Uint8Array): T | undefined;
}

/** The folder of the weights as WebLLM completes it: a branch unless one is named. */
export function weightsFolder(source: Pick<MlcSource, 'weightsUrl'>): string {
  const folder = source.weightsUrl.endsWith('/') ? source.weightsUrl : `${source.weightsUrl}/`;
  return new URL(/\/resolve\/[^/]+\//.test(folder) ? folder : `${folder}resolve/main/`).href;
}

/** One shard holds whole tensors, and WebLLM takes no buffer larger than this. */
const shardBytesMax = 1024 ** 3;

const weightsListSchema = z.looseObject({
  records: z
    .array(
      z.looseObject({
        dataPath: z
          .string()
          .max(256)
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
        nbytes: z.number().int().positive().max(shardBytesMax),
        md5sum: z
          .string()
          .regex(/^[0-9a-f]{32}$/)
          .nullish(),
      }),
    )
    .min(1)
    .max(4_096),
});

/** The tokenizers that WebLLM reads, the one it prefers first. */
const tokenizerNames = ['tokenizer.json', 'tokenizer.model'] as const;

const configSchema = z.looseObject({
  tokenizer_files: z
    .array(z.string().max(256))
    .max(32)
    .refine((files) => tokenizerNames.some((name) => files.includes(name))),
  conv_template: z.looseObject({}).optional(),
});

export type MlcConfig = z.output<typeof configSchema>;

export const configFile = ({ weightsUrl, integrity }: Pick<MlcSource, 'weightsUrl' | 'integrity'>) =>
  documentOf({
    cache: 'webllm/config',
    url: new URL('mlc-chat-config.json', weightsFolder({ weightsUrl })).href,
    integrity: integrity?.['config'],
    read: (bytes) => configSchema.safeParse(readJson(bytes)).data,
  });

/** `tensor-cache.json` and the weight files it names. */
export function weightsListFile(source: Pick<MlcSource, 'weightsUrl'>): MlcDocument<readonly MlcShard[]> {
  const folder = weightsFolder(source);
  return documentOf({
    cache: 'webllm/model',
    url: new URL('tensor-cache.json', folder).href,
    read: (bytes) =>
      weightsListSchema.safeParse(readJson(bytes)).data?.records.map((record) => ({
        cache: 'webllm/model' as const,
        url: new URL(record.dataPath, folder).href,
        sizeBytes: record.nbytes,
        md5: record.md5sum ?? undefined,
      })),
  });
}

/** Every tokenizer that WebLLM would take. */
export const tokenizerFiles = ({ weightsUrl, integrity }: Pick<MlcSource, 'weightsUrl' | 'integrity'>) =>
  tokenizerNames.map((name) =>
    documentOf({
      cache: 'webllm/model',
      url: new URL(name, weightsFolder({ weightsUrl })).href,
      integrity: integrity?.[name],
      read: name === 'tokenizer.json' ? readJson : (bytes) => (looksLikeText(bytes) ? undefined : bytes),
    }),
  );

/** The tokenizer that WebLLM will choose by `mlc-chat-config.json`. */
export const tokenizerFile = (source: MlcSource, config: MlcConfig): MlcDocument =>
  tokenizerFiles(source)[config.tokenizer_files.includes(tokenizerNames[0]) ? 0 : 1]!;

/** WebLLM keeps no library of this machine's own servers; neither do we. */
export const libraryFile = ({
  libraryUrl,
  integrity,
}: Pick<MlcSource, 'libraryUrl' | 'integrity'>): MlcDocument | undefined =>
  libraryUrl.startsWith('http') && !libraryUrl.includes('localhost')
    ? documentOf({
        cache: 'webllm/wasm',
        url: libraryUrl,
        integrity: integrity?.['model_lib'],
        read: (bytes) => (wasmMagic.every((byte, index) => bytes[index] === byte) ? bytes : undefined),
      })
    : undefined;

const wasmMagic = [0x00, 0x61, 0x73, 0x6d];

/** A document that is also the very one its publisher hashed, where a hash is given. */
const documentOf = <T>({
  integrity,
  ...file
}: MlcDocument<T> & { readonly integrity?: string | undefined }): MlcDocument<T> => ({
  ...file,
  read: (bytes) => (integrity === undefined || matchesIntegrity(bytes, integrity) ? file.read(bytes) : undefined),
});

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decode(bytes));
  } catch {
    return undefined;
  }
}

/** A page or an error message; the binary file expected here begins with a length. */
const looksLikeText = (bytes: Uint8Array): boolean => /^\s*[<{]/.test(utf8Decode(bytes.subarray(0, 64)));

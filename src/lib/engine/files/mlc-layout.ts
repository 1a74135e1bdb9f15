import { z } from 'zod';
import { utf8Decode } from '#lib/base/bytes.ts';
import type { ModelSource } from '../spec.ts';
import { matchesIntegrity } from './integrity.ts';

export type MlcSource = Extract<ModelSource, { kind: 'mlc' }>;

/** The three caches WebLLM reads. */
export type MlcCacheName = 'webllm/config' | 'webllm/wasm' | 'webllm/model';

/** One file of a model and the cache WebLLM expects it in. */
interface MlcFile {
  readonly cache: MlcCacheName;
  readonly url: string;
}

/** A weight file, opaque to this code. */
export interface MlcShard extends MlcFile {
  readonly sizeBytes: number;
  /** Hexadecimal, from the weight list. Detects broken downloads; proves nothing about the publisher. */
  readonly md5: string | undefined;
}

/** A small file, validated by its content. */
export interface MlcDocument<T = unknown> extends MlcFile {
  /** The parsed content; undefined if it is something else, such as a server's catch-all HTML page. */
  read(bytes: Uint8Array): T | undefined;
}

/** The weight folder's URL, completed as WebLLM does: with `resolve/main/` unless a revision is given. */
export function weightsFolder(source: Pick<MlcSource, 'weightsUrl'>): string {
  const folder = source.weightsUrl.endsWith('/') ? source.weightsUrl : `${source.weightsUrl}/`;
  return new URL(/\/resolve\/[^/]+\//.test(folder) ? folder : `${folder}resolve/main/`).href;
}

/** Shards hold whole tensors, and WebLLM allocates no buffer larger than this. */
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

/** Tokenizer files WebLLM supports, in its order of preference. */
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

/** Every tokenizer file WebLLM supports. */
export const tokenizerFiles = ({ weightsUrl, integrity }: Pick<MlcSource, 'weightsUrl' | 'integrity'>) =>
  tokenizerNames.map((name) =>
    documentOf({
      cache: 'webllm/model',
      url: new URL(name, weightsFolder({ weightsUrl })).href,
      integrity: integrity?.[name],
      read: name === 'tokenizer.json' ? readJson : (bytes) => (looksLikeText(bytes) ? undefined : bytes),
    }),
  );

/** The tokenizer file WebLLM will select, given `mlc-chat-config.json`. */
export const tokenizerFile = (source: MlcSource, config: MlcConfig): MlcDocument =>
  tokenizerFiles(source)[config.tokenizer_files.includes(tokenizerNames[0]) ? 0 : 1]!;

/** WebLLM does not cache libraries served from localhost, so neither does this. */
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

/** Adds an integrity check to a document, if a hash is given. */
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

/** An HTML page or a JSON error; the binary file expected here starts with a length. */
const looksLikeText = (bytes: Uint8Array): boolean => /^\s*[<{]/.test(utf8Decode(bytes.subarray(0, 64)));

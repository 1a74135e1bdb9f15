import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TabloomError } from '#lib/base/errors.ts';
import { chatConfig } from './chat-config.ts';
import type { CompiledLibrary, Parameter } from './library.ts';
import { randomParameter } from './random-weights.ts';
import { marks, quietTokens, tokenizerJson } from './tokenizer.ts';

const shardBytesMax = 32 * 1024 * 1024;

interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly format: 'raw';
  readonly nbytes: number;
  readonly byteOffset: number;
}

/**
 * Writes a folder that WebLLM takes for the weights of `library`: small shards together, a large parameter by itself,
 * one list with sizes and hashes, a tokenizer and a chat configuration. Gives back the bytes of the weights.
 */
export async function writeRandomModel(library: CompiledLibrary, folder: string, seed: number): Promise<number> {
  const vocabularySize = vocabularyOf(library.params);
  await mkdir(folder, { recursive: true });
  const shards: object[] = [];
  let pending: { readonly bytes: Uint8Array; readonly record: Stored }[] = [];
  let pendingBytes = 0;
  let totalBytes = 0;
  const flush = async () => {
    if (pending.length === 0) return;
    const bytes = Buffer.concat(pending.map((one) => one.bytes));
    const dataPath = `params_shard_${shards.length}.bin`;
    await writeFile(join(folder, dataPath), bytes);
    const md5sum = createHash('md5').update(bytes).digest('hex');
    shards.push({
      dataPath,
      format: 'raw-shard',
      nbytes: bytes.length,
      md5sum,
      records: pending.map((one) => one.record),
    });
    totalBytes += bytes.length;
    pending = [];
    pendingBytes = 0;
  };
  for (const [index, parameter] of library.params.entries()) {
    const bytes = randomParameter(parameter, seed + index, { first: quietTokens, last: marks.length });
    if (pendingBytes + bytes.length > shardBytesMax) await flush();
    const { name, shape, dtype } = parameter;
    pending.push({
      bytes,
      record: { name, shape, dtype, format: 'raw', nbytes: bytes.length, byteOffset: pendingBytes },
    });
    pendingBytes += bytes.length;
  }
  await flush();
  const metadata = { ParamSize: library.params.length, ParamBytes: totalBytes };
  await writeFile(join(folder, 'tensor-cache.json'), JSON.stringify({ metadata, records: shards }));
  await writeFile(join(folder, 'tokenizer.json'), tokenizerJson(vocabularySize));
  await writeFile(join(folder, 'mlc-chat-config.json'), chatConfig(library, vocabularySize));
  return totalBytes;
}

function vocabularyOf(params: readonly Parameter[]): number {
  const rows = params.find(({ name }) => /embed_tokens|\bwte\b/.test(name))?.shape[0];
  if (rows !== undefined && rows > quietTokens + marks.length) return rows;
  throw new TabloomError('library-unreadable', 'The library has no table of tokens that is known here.');
}

import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

export const shardBytes = 512 * 1024;
const shards = [1, 2, 3, 4].map((value) => Buffer.alloc(shardBytes, value));

const files: Readonly<Record<string, Buffer>> = {
  'mlc-chat-config.json': Buffer.from(
    JSON.stringify({ tokenizer_files: ['tokenizer.json'], conv_template: {}, context_window_size: 512 }),
  ),
  'tokenizer.json': Buffer.from('{}'),
  'tensor-cache.json': Buffer.from(
    JSON.stringify({
      metadata: {},
      records: shards.map((bytes, index) => ({
        dataPath: `params_shard_${index}.bin`,
        format: 'raw-shard',
        nbytes: bytes.length,
        md5sum: createHash('md5').update(bytes).digest('hex'),
        records: [],
      })),
    }),
  ),
  ...Object.fromEntries(shards.map((bytes, index) => [`params_shard_${index}.bin`, bytes])),
  // The right beginning and nothing behind it.
  'library.wasm': Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
};

/**
 * Files in the layout of a WebLLM model, without a model in them: everything up to the engine itself can be tried.
 * The last shard hangs at its first request.
 */
export function serveMlc(path: string, response: ServerResponse, requests: readonly { readonly path: string }[]): void {
  const name = path.split('/').at(-1) ?? '';
  const file = files[name];
  if (!file) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-length': file.length, 'access-control-allow-origin': '*' });
  const asked = requests.filter((request) => request.path === path).length;
  if (name === 'params_shard_3.bin' && asked === 1) return void response.write(file.subarray(0, 128 * 1024));
  response.end(file);
}

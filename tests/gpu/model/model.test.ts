import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { weightsListFile } from '#lib/engine/files/mlc-layout.ts';
import { mlcTemplateSchema } from '#lib/engine/mlc-prompt.ts';
import { readOptions } from '../options.ts';
import { readLibrary } from './library.ts';
import { randomParameter } from './random-weights.ts';
import { writeRandomModel } from './write.ts';

const statement = {
  model_type: 'toy',
  quantization: 'q4f16_1',
  context_window_size: 64,
  prefill_chunk_size: 32,
  params: [
    { name: 'model.embed_tokens.q_weight', shape: [400, 8], dtype: 'uint32', preprocs: [] },
    { name: 'model.embed_tokens.q_scale', shape: [400, 2], dtype: 'float16', preprocs: [] },
    { name: 'model.norm.weight', shape: [64], dtype: 'float16', preprocs: [] },
  ],
};
const wasm = (text: string) => new TextEncoder().encode(`\0asm….${text}\0 and more {}`);

test('a library is read where it states its parameters, and refused where it does not', () => {
  const { params, quantization } = readLibrary(wasm(JSON.stringify(statement)));
  expect(quantization).toBe('q4f16_1');
  expect(params.map(({ name }) => name)).toEqual(statement.params.map(({ name }) => name));
  for (const text of ['nothing', '{"model_type": "cut', '{"model_type": "toy"}']) {
    expect(() => readLibrary(wasm(text))).toThrow(expect.objectContaining({ code: 'library-unreadable' }));
  }
});

test('random weights repeat with their seed and are centred', () => {
  const [weight, scale, norm] = readLibrary(wasm(JSON.stringify(statement))).params;
  const quiet = { first: 10, last: 3 };
  const bytes = randomParameter(weight!, 1, quiet);
  expect(bytes).toEqual(randomParameter(weight!, 1, quiet));
  expect(bytes).not.toEqual(randomParameter(weight!, 2, quiet));
  expect(bytes.some((byte) => byte >> 4 === 15 || (byte & 15) === 15)).toBe(false);
  const scales = new Float16Array(randomParameter(scale!, 1, quiet).buffer);
  expect(scales[0]! * 4).toBeCloseTo(scales[20]!, 2);
  expect(new Set(new Float16Array(randomParameter(norm!, 1, quiet).buffer))).toEqual(new Set([1]));
});

test('a model is written as our own loader reads one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-model-'));
  try {
    const bytes = await writeRandomModel(readLibrary(wasm(JSON.stringify(statement))), folder, 1);
    expect(bytes).toBe(400 * 8 * 4 + 400 * 2 * 2 + 64 * 2);
    const json = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')) as never;
    const list = weightsListFile({ weightsUrl: 'http://127.0.0.1/' });
    const files = list.read(await readFile(join(folder, 'tensor-cache.json')));
    expect(files?.reduce((sum, file) => sum + file.sizeBytes, 0)).toBe(bytes);
    const tokenizer = (await json('tokenizer.json')) as { model: { vocab: object }; added_tokens: { id: number }[] };
    expect(Object.keys(tokenizer.model.vocab)).toHaveLength(397);
    expect(tokenizer.added_tokens.map(({ id }) => id)).toEqual([397, 398, 399]);
    const config = (await json('mlc-chat-config.json')) as { conv_template: unknown };
    expect(mlcTemplateSchema.safeParse(config.conv_template).success).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('what is missing is named by its code', () => {
  const code = (...args: string[]) => {
    try {
      readOptions(args, '/nowhere');
      return 'ok';
    } catch (error) {
      return errorCode(error);
    }
  };
  const library = import.meta.filename;
  expect(code()).toBe('library-missing');
  expect(code('--library', '/nowhere.wasm')).toBe('library-missing');
  expect(code('--library', library, '--weights', '/nowhere')).toBe('weights-missing');
  expect(code('--library', library)).toBe('web-llm-missing');
  expect(code('--nonsense')).toBe('usage');
});

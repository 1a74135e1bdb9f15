import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { concatBytes, utf8Encode } from '#lib/base/bytes.ts';
import { seededRandom } from '#lib/base/random.ts';
import { readModelFile } from './model-file.ts';
import { isNonsense, suspicionsOf } from './model-suspicions.ts';

const demo = new Uint8Array(readFileSync('static/models/tabloom-demo.gguf'));

function safetensors(header: object | string, dataBytes = 8): Uint8Array {
  const text = utf8Encode(typeof header === 'string' ? header : JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return concatBytes(length, text, new Uint8Array(dataBytes));
}
const tensor = (from: number, to: number) => ({ dtype: 'F32', shape: [1], data_offsets: [from, to] });
const code = (bytes: Uint8Array, size = bytes.length) => {
  try {
    readModelFile(bytes, size);
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
  return undefined;
};

test('the bundled model is well formed, and nothing in it makes one look twice', () => {
  const file = readModelFile(demo, demo.length);
  expect(file).toMatchObject({ format: 'gguf' });
  expect(file.tensors).toBeGreaterThan(10);
  expect(suspicionsOf(file)).toEqual([]);
});

test('a safetensors file is described by its header', () => {
  const bytes = safetensors({ __metadata__: { license: 'mit' }, a: tensor(0, 4), b: tensor(4, 8) });
  expect(readModelFile(bytes, bytes.length)).toMatchObject({ format: 'safetensors', tensors: 2, licence: 'mit' });
});

describe('is refused by name', () => {
  test.each([
    ['a pickle', new Uint8Array([0x80, 0x02, 0x7d, 0x71, 0, 0, 0, 0, 0, 0])],
    ['an archive of PyTorch', utf8Encode('PK\u0003\u0004archive/data.pkl')],
    ['a script', utf8Encode('import os; os.system("ls")')],
    ['nothing', new Uint8Array()],
  ])('%s', (_what, bytes) => expect(code(bytes)).toBe('format-refused'));

  test.each([
    ['a gap between tensors', safetensors({ a: tensor(0, 4), b: tensor(6, 8) })],
    ['an overlap', safetensors({ a: tensor(0, 6), b: tensor(4, 8) })],
    ['bytes behind the last tensor', safetensors({ a: tensor(0, 4) })],
    ['a tensor that is none', safetensors({ a: { dtype: 7 } })],
    ['metadata that are no texts', safetensors({ __metadata__: { a: 1 }, b: tensor(0, 8) })],
    ['a header that is no JSON', safetensors('{"a"')],
  ])('%s', (_what, bytes) => expect(code(bytes)).toBe('model-malformed'));

  test('a GGUF file cut off, of another version, or with a tensor outside', () => {
    expect(code(demo.slice(0, 40))).toBe('model-malformed');
    expect(code(demo.map((byte, at) => (at === 4 ? 9 : byte)))).toBe('model-malformed');
    expect(code(demo, 1)).toBe('model-malformed');
  });

  test('noise in the header ends in a code and never in a wait', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 200; round++) {
      const noisy = demo.slice(0, 4_096);
      for (let change = 0; change < 3; change++) {
        noisy[4 + Math.floor(random.float() * 500)] = Math.floor(random.float() * 256);
      }
      expect(['model-malformed', 'format-refused']).toContain(code(noisy));
    }
  });
});

describe('looks suspicious', () => {
  test.each([
    ['an address in a template', { template: '{{ m }} see https://evil.test/x' }, 'template-names-address'],
    ['a way out of a template', { template: "{{ ''.__class__.__mro__ }}" }, 'template-reaches-out'],
    ['another template', { template: '{% include "/etc/passwd" %}' }, 'template-reaches-out'],
    ['a template without end', { template: 'x'.repeat(70_000) }, 'template-too-long'],
    ['an address in a note', { texts: ['ask http://203.0.113.9/collect'] }, 'text-names-address'],
    ['text that nobody sees', { template: 'a\u202Eb' }, 'hidden-text'],
  ])('%s', (_what, given, found) => {
    const file = { template: undefined, texts: [], ...given };
    expect(suspicionsOf(file).map((one) => one.code)).toContain(found);
  });

  test('not: an ordinary template, and the home of a model', () => {
    const template = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}";
    expect(suspicionsOf({ template, texts: ['https://huggingface.co/org/model', 'http'] })).toEqual([]);
  });
});

test.each([
  ['', true],
  ['the the the the the the the the the the the the', true],
  ['\u0000\u0001\u0002\u0003', true],
  ['Paris is the capital of France.', false],
  ['1, 2, 3', false],
  ['中文回答也是回答。', false],
])('%j is nonsense: %s', (answer, expected) => expect(isNonsense(answer)).toBe(expected));

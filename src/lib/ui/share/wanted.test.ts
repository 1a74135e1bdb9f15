import { expect, test } from 'vitest';
import { wantedText, wishesFor } from './wanted.ts';

const llama = { name: 'llama-3.2-1b-q4f32_1', title: 'Llama 3.2 1B' };
const qwen = { name: 'qwen3-4b-q4f16_1', title: 'Qwen3 4B' };
const demo = { name: 'tabloom-demo', title: 'Tabloom demo' };
const wishes = [
  { model: 'qwen3-4b-q4f16_1', wishes: 5, own: false },
  { model: 'llama-3.2-1b-q4f16_1', wishes: 1, own: false },
  { model: 'qwen3-8b-q4f16_1', wishes: 9, own: false },
];

test('wishes count for whichever build of the model fits this device', () => {
  expect([llama, qwen, demo].map((model) => wishesFor(model, wishes))).toEqual([1, 5, 0]);
});

test('what others ask for and fits is said, most wishes first, as wishes and not as people', () => {
  expect(wantedText([demo, llama, qwen], wishes)).toBe('In demand: Qwen3 4B (5 wishes), Llama 3.2 1B (1 wish).');
  expect(wantedText([demo], wishes)).toBeUndefined();
  expect(wantedText([llama], [])).toBeUndefined();
});

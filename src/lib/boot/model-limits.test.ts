import { expect, test } from 'vitest';
import type { ModelView } from '#lib/state/library.ts';
import { checkModelLimits } from './model-limits.ts';

const model = (name: string, sizes: Partial<ModelView>) => ({ name, title: name, ...sizes }) as ModelView;
const models = [
  model('here', { memoryBytes: 600, cachedBytes: 300, missingBytes: 0 }),
  model('new', { memoryBytes: 2_000, cachedBytes: 100, missingBytes: 900 }),
];
const none = { memoryBytesMax: 0, diskBytesMax: 0 };
const check = (name: string, limits: Partial<typeof none>) => () =>
  checkModelLimits(name, models, { ...none, ...limits });

test('without limits, within them and for a model that is not listed nothing is refused', () => {
  for (const name of ['here', 'new', 'unlisted']) expect(check(name, {})).not.toThrow();
  expect(check('new', { memoryBytesMax: 2_000, diskBytesMax: 1_300 })).not.toThrow();
});

test('a model that takes more memory than allowed is refused', () =>
  expect(check('new', { memoryBytesMax: 1_999 })).toThrow(expect.objectContaining({ code: 'over-memory-limit' })));

test('a download that would take more disk than allowed is refused; what is there already is not', () => {
  expect(check('new', { diskBytesMax: 1_299 })).toThrow(expect.objectContaining({ code: 'over-disk-limit' }));
  expect(check('here', { diskBytesMax: 1 })).not.toThrow();
});

test('the browser’s own model is shared with nobody, whatever is allowed', () => {
  const own = model('browser-model', { engine: 'prompt-api', memoryBytes: 0, cachedBytes: 0, missingBytes: undefined });
  expect(() => checkModelLimits('browser-model', [own], none)).toThrow(
    expect.objectContaining({ code: 'not-shareable' }),
  );
});

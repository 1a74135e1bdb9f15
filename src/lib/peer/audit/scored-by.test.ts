import { expect, test } from 'vitest';
import { scoredBy } from './scored-by.ts';

const engine = { name: 'webllm', build: '1', deviceClass: 'webgpu' };
const own = { name: 'wllama', build: '2', deviceClass: 'wasm-cpu' };

test('of several engines that of the model, and none for a model that is not there', () => {
  const served = { engine, models: [{ artefact: 'a' }, { artefact: 'b', engine: own }] };
  const by = scoredBy({ servedModels: () => served as never });
  expect(['a', 'b', 'c'].map(by)).toEqual([engine, own, undefined]);
  expect(scoredBy({ servedModels: () => undefined })('a')).toBeUndefined();
});

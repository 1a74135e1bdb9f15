import { expect, test } from 'vitest';
import { chooseBuild } from './builds.ts';

const gpu = (decodeTps?: number, fits = true) => ({ model: { name: 'gpu' }, fits, decodeTps });
const cpu = (decodeTps?: number, fits = true) => ({ model: { name: 'cpu' }, fits, decodeTps });

test('the faster one is chosen once both were measured, whichever that is', () => {
  expect(chooseBuild([gpu(40), cpu(11)])).toEqual({ name: 'gpu', why: 'faster' });
  expect(chooseBuild([gpu(9), cpu(11)])).toEqual({ name: 'cpu', why: 'faster' });
  expect(chooseBuild([gpu(11), cpu(11)])).toEqual({ name: 'gpu', why: 'faster' });
});

test('until then it is the first of the list, and says that nobody has measured', () => {
  expect(chooseBuild([gpu(), cpu(11)])).toEqual({ name: 'gpu', why: 'unmeasured' });
  expect(chooseBuild([gpu(40), cpu()])).toEqual({ name: 'gpu', why: 'unmeasured' });
});

test('without WebGPU the processor is chosen by the same way, and nothing where neither runs', () => {
  expect(chooseBuild([gpu(undefined, false), cpu()])).toEqual({ name: 'cpu', why: 'only' });
  expect(chooseBuild([gpu(99, false), cpu(11)])).toEqual({ name: 'cpu', why: 'only' });
  expect(chooseBuild([gpu(40, false), cpu(11, false)])).toBeUndefined();
});

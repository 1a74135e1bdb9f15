import { expect, test } from 'vitest';
import { sharedObstacles } from './obstacles.ts';

const model = (fits: boolean, reason: string) => ({ fit: { fits, reason } });

test('D8: a warning shared by several models is shown once, a unique one stays with its model', () => {
  const models = [model(false, 'No WebGPU.'), model(true, 'Fits.'), model(true, 'Fits.'), model(false, 'No WebGPU.')];
  expect([...sharedObstacles([...models, model(false, 'Too large.')])]).toEqual([['No WebGPU.', 2]]);
});

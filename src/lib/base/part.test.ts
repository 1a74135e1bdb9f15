import { expect, test } from 'vitest';
import { loadPart } from './part.ts';

test('D3: a part that cannot be fetched fails with a code and says what to do; one that can is given', async () => {
  expect(await loadPart(async () => 1)).toBe(1);
  const cause = new TypeError('Failed to fetch dynamically imported module');
  await expect(loadPart(() => Promise.reject(cause))).rejects.toMatchObject({
    code: 'part-missing',
    message: expect.stringContaining('Reload'),
    cause,
  });
});

import { expect, test } from 'vitest';
import { loadPart, loadTogether } from './part.ts';

test('D3: a part that cannot be fetched fails with a code and says what to do; one that can is given', async () => {
  expect(await loadPart(async () => 1)).toBe(1);
  const cause = new TypeError('Failed to fetch dynamically imported module');
  await expect(loadPart(() => Promise.reject(cause))).rejects.toMatchObject({
    code: 'part-missing',
    message: expect.stringContaining('Reload'),
    cause,
  });
});

test.each(['first', 'second', 'third'])(
  'D3: of parts that are asked for at once the %s fails alone',
  async (missing) => {
    const asked: string[] = [];
    const load = (name: string) => async () => {
      asked.push(name);
      await Promise.resolve();
      if (name === missing) throw new TypeError('Failed to fetch dynamically imported module');
      return name;
    };
    const parts = loadTogether({ first: load('first'), second: load('second'), third: load('third') });
    expect(asked).toEqual(['first', 'second', 'third']);
    // Nobody looks at the one that failed, and no unhandled rejection says so.
    for (const [name, part] of Object.entries(parts)) if (name !== missing) expect(await part).toBe(name);
    await expect(Object.entries(parts).find(([name]) => name === missing)?.[1]).rejects.toThrow('Failed to fetch');
  },
);

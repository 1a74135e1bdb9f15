import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { createMemoryClaims } from './memory-claims.ts';

/** Grants every lock at once, as for names that nobody else asks for. */
function fakeLocks() {
  const held = new Set<string>();
  const locks = {
    request: async (name: string, use: () => Promise<void>) => {
      held.add(name);
      await use();
      held.delete(name);
    },
    query: async () => ({ held: [...held, 'of-another-page/1/2/3/x'].map((name) => ({ name })), pending: [] }),
  };
  return locks as unknown as LockManager;
}

test('a tab knows what other tabs have in memory, and does not count its own', async () => {
  const locks = fakeLocks();
  const [one, other] = [1, 2].map((seed) => createMemoryClaims(locks, seededRandom(seed)));
  const model = { name: 'maker/model', memoryBytes: 5e9 };
  const end = one!.claim(model);
  one!.claim({ ...model, memoryBytes: 1 });
  expect(await one!.others()).toEqual([]);
  expect(await other!.others()).toEqual([model, { ...model, memoryBytes: 1 }]);
  end();
  await expect.poll(() => other!.others()).toEqual([{ ...model, memoryBytes: 1 }]);
});

test('where the browser has no locks, or does not tell, nothing is known of others', async () => {
  const without = createMemoryClaims(undefined, seededRandom(1));
  without.claim({ name: 'model', memoryBytes: 1 })();
  expect(await without.others()).toEqual([]);
  const silent = { ...fakeLocks(), query: () => Promise.reject(new Error('denied')) } as unknown as LockManager;
  expect(await createMemoryClaims(silent, seededRandom(1)).others()).toEqual([]);
});

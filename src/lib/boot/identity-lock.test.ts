import { expect, test, vi } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { requestIdentityLock, type IdentityLock, type IdentityLockComponents } from './identity-lock.ts';

/** Web Locks and BroadcastChannel of one browser, as far as they are used. */
function browser() {
  const waiting: (() => void)[] = [];
  let taken = false;
  const channels = new Set<{ onmessage: ((event: MessageEvent) => void) | null }>();
  const next = () => {
    taken = false;
    waiting.shift()?.();
  };
  const run = (callback: (lock: Lock | null) => unknown) => {
    taken = true;
    return Promise.resolve(callback({ name: 'x', mode: 'exclusive' } as Lock)).finally(next);
  };
  const locks = {
    request(
      _name: string,
      options: { ifAvailable?: boolean; signal?: AbortSignal },
      callback: (lock: Lock | null) => unknown,
    ) {
      if (!taken) return run(callback);
      if (options.ifAvailable) return Promise.resolve(callback(null));
      return new Promise((resolve, reject) => {
        options.signal?.addEventListener('abort', () => reject(new DOMException('gone', 'AbortError')));
        waiting.push(() => (options.signal?.aborted ? next() : resolve(run(callback))));
      });
    },
  } as unknown as LockManager;
  const channel: IdentityLockComponents['channel'] = () => {
    const own = {
      onmessage: null as ((event: MessageEvent) => void) | null,
      postMessage: (data: unknown) =>
        channels.forEach((other) => other !== own && other.onmessage?.({ data } as MessageEvent)),
      close: () => void channels.delete(own),
    };
    channels.add(own);
    return own;
  };
  let seed = 0;
  const tab = (onClaim: () => Promise<void> = async () => undefined) =>
    requestIdentityLock({ locks, channel, random: seededRandom(++seed), onClaim });
  return { tab };
}

/** Resolves once the tab holds the lock. */
const taken = (lock: IdentityLock) =>
  lock.held ? Promise.resolve() : new Promise<void>((resolve) => lock.onChange((held) => held && resolve()));

test('the first tab holds the key, the second waits and takes over when the first closes', async () => {
  const { tab } = browser();
  const first = await tab();
  const second = await tab();
  expect([first.held, second.held]).toEqual([true, false]);
  first.release();
  await taken(second);
  expect([first.held, second.held]).toEqual([false, true]);
});

test('a claim makes the holder let go of its node first, and only then is the key the other one’s', async () => {
  const { tab } = browser();
  const gone = Promise.withResolvers<void>();
  const onClaim = vi.fn(() => gone.promise);
  const first = await tab(onClaim);
  const second = await tab();
  second.claim();
  expect(onClaim).toHaveBeenCalledOnce();
  await Promise.resolve();
  expect(second.held).toBe(false);
  gone.resolve();
  await taken(second);
  expect([first.held, second.held]).toEqual([false, true]);
});

test('who let go stands in line again', async () => {
  const { tab } = browser();
  const first = await tab();
  const second = await tab();
  second.claim();
  await taken(second);
  second.release();
  await taken(first);
  expect(first.held).toBe(true);
});

test('who has closed does not come back', async () => {
  const { tab } = browser();
  const first = await tab();
  const second = await tab();
  const third = await tab();
  second.release();
  first.release();
  await taken(third);
  expect([second.held, third.held]).toEqual([false, true]);
});

test('a tab that holds nothing does not answer claims', async () => {
  const { tab } = browser();
  const onClaim = vi.fn(async () => undefined);
  await tab();
  await tab(onClaim);
  const third = await tab();
  third.claim();
  expect(onClaim).not.toHaveBeenCalled();
});

test('claiming twice is claiming once: who let go stands in line once, and the next hand-over goes through', async () => {
  const { tab } = browser();
  const onClaim = vi.fn(async () => undefined);
  const first = await tab(onClaim);
  const second = await tab();
  second.claim();
  second.claim();
  await taken(second);
  expect(onClaim).toHaveBeenCalledOnce();
  second.release();
  await taken(first);
  const third = await tab();
  first.release();
  await taken(third);
  expect([first.held, third.held]).toEqual([false, true]);
});

test('a tab that could not leave cleanly lets go all the same', async () => {
  const { tab } = browser();
  await tab(() => Promise.reject(new Error('no')));
  const second = await tab();
  second.claim();
  await taken(second);
  expect(second.held).toBe(true);
});

test('without Web Locks no tab takes the key: another could not know', async () => {
  const lock = await requestIdentityLock({
    locks: undefined,
    channel: () => ({ onmessage: null, postMessage: () => undefined, close: () => undefined }),
    random: seededRandom(1),
    onClaim: async () => undefined,
  });
  expect(lock.held).toBe(false);
});

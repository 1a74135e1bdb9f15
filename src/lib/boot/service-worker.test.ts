import { afterEach, expect, test, vi } from 'vitest';
import { findUpdate, type Update } from './service-worker.ts';

afterEach(() => void vi.unstubAllGlobals());

/** A browser whose service worker of this version waits, or that has none. */
function browser(waiting: string | undefined, registered: 'registered' | 'none') {
  const told: unknown[] = [];
  const worker = {
    postMessage(message: unknown, ports?: readonly MessagePort[]) {
      told.push(message);
      ports?.[0]?.postMessage(waiting);
    },
  };
  const registration = { waiting: waiting === undefined ? null : worker, update: vi.fn(async () => undefined) };
  vi.stubGlobal('navigator', {
    serviceWorker: {
      controller: {},
      getRegistration: async () => (registered === 'registered' ? registration : undefined),
      addEventListener: () => undefined,
    },
  });
  return { told, registration };
}

async function look(isOutdated: boolean) {
  const offered: Update[] = [];
  await findUpdate(
    '1',
    (update) => offered.push(update),
    async () => isOutdated,
  );
  return offered.length;
}

test('D3: a newer version that waits is offered again when a part of this one is missing', async () => {
  const { registration, told } = browser('2', 'registered');
  expect(await look(false)).toBe(1);
  expect(registration.update).toHaveBeenCalledOnce();
  expect(told).toEqual([{ type: 'version?' }]);
});

test('one that is as new as the page takes over quietly, and where none waits nothing is offered', async () => {
  const { told } = browser('1', 'registered');
  expect(await look(true)).toBe(0);
  expect(told).toContainEqual({ type: 'activate-now' });
  browser(undefined, 'registered');
  expect(await look(true)).toBe(0);
});

test('D3: without a service worker the published version tells', async () => {
  browser(undefined, 'none');
  expect([await look(true), await look(false)]).toEqual([1, 0]);
});

import { expect, test } from 'vitest';
import { afterEnd } from './after-end.ts';
import type { Receivable } from './ports.ts';

test('what was received is told once, after the first end', () => {
  const told: unknown[] = [];
  const receivable: Receivable = {
    chain: 1,
    channelId: `0x${'0'.repeat(64)}`,
    receive: async ({ total }) => total,
    received: () => 7n,
    checkMayServe: () => undefined,
    end: () => void told.push('ended'),
  };
  const wrapped = afterEnd(receivable, (received) => told.push(received));
  expect([wrapped.received(), told]).toEqual([7n, []]);
  wrapped.end();
  wrapped.end();
  expect(told).toEqual(['ended', 7n, 'ended']);
});

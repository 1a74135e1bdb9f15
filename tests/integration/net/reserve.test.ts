import { afterEach, expect, test } from 'vitest';
import type { Net } from '#lib/net/spec.ts';
import { netAt, relayOn, reserved } from './ground.ts';

const running: Net[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((net) => net.stop()));
});

test.each([
  ['directly', {}],
  ['through the relay', { directTryTimeoutsMs: [] }],
])(
  '%s, a channel that was opened ahead is the one that is used, and the next is there when it has ended',
  async (_way, tuning) => {
    const relay = relayOn(8_000);
    running.push(relay);
    await relay.start();
    const [a, b] = [netAt(relay, 8_001, { tuning }), netAt(relay, 8_002, { tuning })];
    running.unshift(a, b);
    await Promise.all([a.start(), b.start()]);
    await Promise.all([reserved(a), reserved(b)]);
    const protocol = '/tabloom/test-ahead/1';
    const heard: number[][] = [];
    b.handle(protocol, async (channel) => {
      const own: number[] = [];
      heard.push(own);
      for await (const [number] of channel) own.push(number!);
    });

    await a.prepare(b.self, protocol, { addrs: b.addresses() });
    await expect.poll(() => heard).toEqual([[]]);
    for (const number of [1, 2]) {
      const channel = await a.open(b.self, protocol);
      await channel.send(Uint8Array.of(number));
      await expect.poll(() => heard[number - 1]).toEqual([number]);
      expect(heard).toHaveLength(number);
      channel.abort(new Error('enough'));
      await expect.poll(() => heard).toHaveLength(number + 1);
    }
  },
);

import { fork } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { addressOf, netAt, relayOn, reserved, until } from './ground.ts';
import { wireTo } from './wire.ts';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.stop();
});
const keep = <T extends { stop(): Promise<void> }>(one: T): T => {
  running.push(one);
  return one;
};

test('a peer that is killed is found lost by asking, long before WebRTC itself notices', async () => {
  const relay = keep(relayOn(6_000));
  await relay.start();
  const child = fork(new URL('drip-until-killed.ts', import.meta.url).pathname, [addressOf(relay)], { execArgv: [] });
  const { peer, addrs } = await new Promise<{ peer: string; addrs: string[] }>((resolve) => {
    child.once('message', (message) => resolve(message as { peer: string; addrs: string[] }));
  });
  const found: unknown[] = [];
  const logger = {
    info: (event: string, fields?: Readonly<Record<string, unknown>>) => {
      if (event === 'connection-dead') found.push(fields?.['peer']);
    },
    warn: () => undefined,
  };
  const net = keep(netAt(relay, 6_001, { logger, tuning: { directTimeoutMs: 10_000 } }));
  await net.start();
  await reserved(net);
  const channel = await net.open(peer, '/tabloom/test-drip/1', { addrs });
  expect(channel.path).toBe('direct');
  let received = 0;
  const reading = (async () => {
    for await (const _ of channel) {
      if (++received === 10) child.kill('SIGKILL');
    }
  })();
  await expect(reading).rejects.toMatchObject({ code: 'channel-lost' });
  // ICE takes ten to thirty seconds: it was we who asked for a sign of life, and dropped what gave none.
  expect(found).toEqual([peer]);
  expect(received).toBeGreaterThanOrEqual(10);
  await until(net, ({ connections }) => connections.every((connection) => connection.peer !== peer));
});

test('waking up finds a relay that has died in the sleep', async () => {
  const relay = keep(relayOn(6_010));
  await relay.start();
  const wire = keep(await wireTo(relay.listening()!.port));
  let wake = () => undefined as void;
  const net = keep(
    netAt([`/ip4/127.0.0.1/tcp/${wire.port}/ws/p2p/${relay.self}`], 6_011, {
      tuning: { probeTimeoutMs: 200, silenceTickMs: 600_000 },
      wakeups: (hear) => {
        wake = hear;
        return () => undefined;
      },
    }),
  );
  await net.start();
  await reserved(net);
  wake();
  wire.goDead();
  expect(net.status().relays[0]!.state).toBe('reserved');
  wake();
  await until(net, ({ relays }) => relays[0]!.state === 'lost');
  expect((await reserved(net)).state).toBe('online');
});

test('waking up ends the pause before the next attempt', async () => {
  let wake = () => undefined as void;
  const relay = relayOn(6_020, { listenPort: 23_204 });
  const net = keep(
    netAt([`/ip4/127.0.0.1/tcp/23204/ws/p2p/${relay.self}`], 6_021, {
      tuning: { reconnectMinMs: 600_000, reconnectMaxMs: 600_000 },
      wakeups: (hear) => {
        wake = hear;
        return () => undefined;
      },
    }),
  );
  await net.start();
  await until(net, ({ relays }) => relays[0]?.state === 'lost');
  keep(relay);
  await relay.start();
  wake();
  await reserved(net);
});

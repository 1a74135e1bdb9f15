import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { seededRandom } from '#lib/base/random.ts';
import { denyLimits } from './deny-list.ts';
import { createMemoryNetwork } from './memory.fixture.ts';

const echo = '/tabloom/test-echo/1';
const message = Uint8Array.of(1, 2, 3);

async function twoNets() {
  const clock = manualClock();
  const network = createMemoryNetwork({ clock, random: seededRandom(1) });
  const a = network.createNet({ peer: 'a' });
  const b = network.createNet({ peer: 'b' });
  await a.start();
  await b.start();
  b.handle(echo, async (channel) => {
    for await (const received of channel) await channel.send(received);
  });
  return { clock, network, a, b };
}

describe('the memory network', () => {
  test('latency follows the clock: nothing arrives early', async () => {
    const { clock, network, a } = await twoNets();
    network.setConditions({ latencyMs: 50 });
    const opening = a.open('b', echo);
    await clock.advance(100);
    const channel = await opening;
    await channel.send(message);
    let receivedAtMs: number | undefined;
    const reading = (async () => {
      for await (const received of channel) {
        receivedAtMs = clock.elapsed();
        return received;
      }
      return undefined;
    })();
    await clock.advance(99);
    expect(receivedAtMs).toBeUndefined();
    await clock.advance(1);
    expect(await reading).toEqual(message);
    expect(receivedAtMs).toBe(200);
  });

  test('a peer is gone when it stops or is killed, not when one of its channels ends', async () => {
    const { clock, network, a, b } = await twoNets();
    const gone: string[] = [];
    a.onPeerGone((peer) => gone.push(peer));
    const [one, other] = [await a.open('b', echo), await a.open('b', echo)];
    one.abort(new Error('enough'));
    network.disconnect('a', 'b');
    await clock.advance(10);
    expect([gone, other.closed.aborted]).toEqual([[], true]);
    await a.open('b', echo);
    await b.stop();
    await clock.advance(10);
    expect(gone).toEqual(['b']);
  });

  test('messages on one channel share its bandwidth', async () => {
    const { clock, network, a, b } = await twoNets();
    network.setConditions({ bytesPerSecond: 1_000 });
    const arrivals: number[] = [];
    b.handle('/slow/1', async (channel) => {
      for await (const _ of channel) arrivals.push(clock.elapsed());
    });
    const channel = await a.open('b', '/slow/1');
    for (let i = 0; i < 3; i++) await channel.send(new Uint8Array(100));
    await clock.advance(1_000);
    expect(arrivals).toEqual([100, 200, 300]);
  });

  test('a partition is silent, and delivers in order once healed', async () => {
    const { clock, network, a } = await twoNets();
    const channel = await a.open('b', echo);
    network.partition('a', 'b');
    await channel.send(Uint8Array.of(1));
    await channel.send(Uint8Array.of(2));
    await clock.advance(60_000);
    expect(channel.closed.aborted).toBe(false);
    await expect(a.open('b', echo)).rejects.toMatchObject({ code: 'peer-unreachable' });
    network.heal('b', 'a');
    await channel.close();
    const read: number[] = [];
    for await (const received of channel) read.push(received[0]!);
    expect(read).toEqual([1, 2]);
  });

  test('a killed peer’s channels are lost at once and it is unreachable', async () => {
    const { network, a, b } = await twoNets();
    const channel = await a.open('b', echo);
    network.kill('b');
    await expect(channel[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'channel-lost' });
    expect(b.status().state).toBe('stopped');
    expect(network.openChannels).toBe(0);
    await expect(a.open('b', echo)).rejects.toMatchObject({ code: 'peer-unreachable' });
    await b.start();
    await expect(a.open('b', echo)).resolves.toMatchObject({ remote: 'b' });
  });

  test('loss and failures are determined by the seed', async () => {
    const history = async () => {
      const { clock, network, a, b } = await twoNets();
      network.setConditions({ publishLoss: 0.5, openFailure: 0.5 });
      const received: number[] = [];
      b.subscribe('t', { validate: () => 'accept', deliver: (message) => received.push(message[0]!) });
      const opened: boolean[] = [];
      for (let i = 0; i < 20; i++) {
        await a.publish('t', Uint8Array.of(i));
        opened.push(
          await a.open('b', echo).then(
            () => true,
            () => false,
          ),
        );
      }
      await clock.advance(1);
      return { received, opened };
    };
    const one = await history();
    expect(one.received.length).toBeGreaterThan(0);
    expect(one.received.length).toBeLessThan(20);
    expect(new Set(one.opened)).toEqual(new Set([true, false]));
    expect(await history()).toEqual(one);
  });

  test('a peer whose messages are repeatedly rejected is denied', async () => {
    const { clock, a, b } = await twoNets();
    let judged = 0;
    b.subscribe('t', {
      validate: () => {
        judged++;
        return 'reject';
      },
      deliver: () => undefined,
    });
    for (let i = 0; i < denyLimits.rejectionsMax + 5; i++) {
      await a.publish('t', message);
      await clock.advance(1);
    }
    expect(judged).toBe(denyLimits.rejectionsMax);
    await expect(a.open('b', echo)).rejects.toMatchObject({ code: 'peer-unreachable' });
  });

  test('a channel the opener never closes is dropped after the handler has finished', async () => {
    const { clock, network, a, b } = await twoNets();
    b.handle('/brief/1', async () => undefined);
    const channel = await a.open('b', '/brief/1');
    await clock.advance(4_000);
    expect(channel.closed.aborted).toBe(false);
    await clock.advance(2_000);
    expect(channel.closed.aborted).toBe(true);
    expect(network.openChannels).toBe(0);
  });

  test('published messages are doubled and overtake each other where the conditions say so', async () => {
    const { clock, network, a, b } = await twoNets();
    network.setConditions({ latencyMs: 5, publishJitterMs: 50, publishDuplication: 0.5 });
    const arrived: number[] = [];
    b.subscribe('t', { validate: () => 'accept', deliver: ([number]) => void arrived.push(number!) });
    for (let i = 0; i < 20; i++) await a.publish('t', Uint8Array.of(i));
    await clock.advance(60);
    expect(new Set(arrived).size).toBe(20);
    expect(arrived.length).toBeGreaterThan(20);
    expect(arrived).not.toEqual(arrived.toSorted((one, other) => one - other));
  });

  test('a dropped connection loses its channels and nothing else', async () => {
    const { clock, network, a, b } = await twoNets();
    b.handle('/open/1', (channel) => new Promise((end) => channel.closed.addEventListener('abort', () => end())));
    const channel = await a.open('b', '/open/1');
    network.disconnect('b', 'a');
    await clock.advance(1);
    expect(channel.closed.aborted).toBe(true);
    expect(network.openChannels).toBe(0);
    await expect(a.open('b', '/open/1')).resolves.toBeDefined();
  });
});

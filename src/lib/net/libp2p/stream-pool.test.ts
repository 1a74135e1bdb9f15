import type { Connection } from '@libp2p/interface';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createChannelPair, type PairEnd } from '../pair.ts';
import type { Channel } from '../spec.ts';
import { createStreamPool, streamPoolLimits } from './stream-pool.ts';

const { channelsMax, freshMs, renewMs } = streamPoolLimits;
const job = '/tabloom/job/2';
const gone = new Error('gone');

/** A pool whose streams are channel pairs; `far` holds the other ends in the order they were opened. */
function setup() {
  const clock = manualClock();
  const lifetime = new AbortController();
  const far: PairEnd[] = [];
  const connection = {} as Connection;
  const scene = { best: true, reachable: true, opening: Promise.resolve() };
  const reserve = createStreamPool({
    streams: {
      async open(peer) {
        if (!scene.reachable) throw gone;
        await scene.opening;
        const pair = createChannelPair({ near: 'self', far: peer, path: 'direct' });
        far.push(pair.far);
        return { channel: pair.near, connection, sinceMs: clock.elapsed() };
      },
    },
    clock,
    isBest: () => scene.best,
    lifetime: lifetime.signal,
  });
  const signal = new AbortController().signal;
  return {
    clock,
    lifetime,
    far,
    scene,
    open: (peer = 'b', hurry: { directTimeoutMs?: number } = {}) =>
      reserve.open(peer, job, { addrs: [], signal, ...hurry }),
    prepare: (peer = 'b', within = signal) => reserve.prepare(peer, job, { addrs: [], signal: within }),
    held: () => far.filter(({ closed }) => !closed.aborted).length,
  };
}

/** Asserts that this channel is the `number`th that was opened. */
async function expectOpened(channel: Channel, far: readonly PairEnd[], number: number): Promise<void> {
  await channel.send(Uint8Array.of(number));
  const { value } = await far[number]![Symbol.asyncIterator]().next();
  expect(value).toEqual(Uint8Array.of(number));
}

test('nothing is pooled without prepare', async () => {
  const { open, far, clock } = setup();
  (await open()).abort(gone);
  await clock.advance(renewMs);
  expect(far).toHaveLength(1);
});

test('a prepared channel is handed out once, and the next is opened after it ends', async () => {
  const { open, prepare, far, clock } = setup();
  await prepare();
  await prepare();
  expect(far).toHaveLength(1);
  const channel = await open();
  await expectOpened(channel, far, 0);
  // A concurrent second job opens its own, and nothing is pooled while they run.
  const beside = await open();
  await expectOpened(beside, far, 1);
  await prepare();
  await clock.advance(freshMs);
  expect(far).toHaveLength(2);
  channel.abort(gone);
  await clock.advance(0);
  expect(far).toHaveLength(3);
  await expectOpened(await open(), far, 2);
});

test('an old channel is dropped before the other side gives up on it', async () => {
  const { open, prepare, far, held, clock } = setup();
  await prepare();
  await clock.advance(freshMs - 1);
  expect(held()).toBe(1);
  await clock.advance(1);
  expect([held(), far.length]).toEqual([0, 1]);
  await expectOpened(await open(), far, 1);
});

test('it is renewed once when requested again, and for a minute after a use', async () => {
  const { open, prepare, far, held, clock } = setup();
  await prepare();
  await clock.advance(freshMs / 2);
  await prepare();
  await clock.advance(freshMs);
  expect([held(), far.length]).toEqual([1, 2]);
  await clock.advance(freshMs);
  expect([held(), far.length]).toEqual([0, 2]);

  const channel = await open();
  channel.abort(gone);
  await clock.advance(renewMs - 1);
  expect(held()).toBe(1);
  await clock.advance(2 * freshMs);
  expect(held()).toBe(0);
});

test('a channel that has ended, or is no longer on the best connection, is not handed out', async () => {
  const { open, prepare, far, scene, clock, held } = setup();
  await prepare();
  far[0]!.abort(gone);
  await clock.advance(freshMs);
  // The other side ended it, so it is not reopened automatically.
  expect(far).toHaveLength(1);
  await prepare();
  scene.best = false;
  await expectOpened(await open(), far, 2);
  await clock.advance(0);
  expect(held()).toBe(1);
});

test('a channel that receives anything before it is used is dropped as refused', async () => {
  const { open, prepare, far, held, clock } = setup();
  await prepare();
  await far[0]!.send(Uint8Array.of(7));
  await clock.advance(0);
  expect(held()).toBe(0);
  await expectOpened(await open(), far, 1);
});

test('who is in a hurry does not wait for a channel that is still being opened', async () => {
  const { open, prepare, far, scene } = setup();
  scene.opening = new Promise(() => undefined);
  void prepare();
  const [waiting, opened] = [open(), Promise.withResolvers<void>()];
  scene.opening = opened.promise;
  const hurried = open('b', { directTimeoutMs: 250 });
  opened.resolve();
  await expectOpened(await hurried, far, 0);
  expect(await Promise.race([waiting, Promise.resolve('waits')])).toBe('waits');
});

test('the pool is bounded and evicts the oldest', async () => {
  const { prepare, far, held, clock } = setup();
  for (let i = 0; i <= channelsMax; i++) await prepare(`peer ${i}`);
  await clock.advance(0);
  expect(held()).toBe(channelsMax);
  expect(far[0]!.closed.aborted).toBe(true);
});

test('a failed prepare is no error, but a failed open is', async () => {
  const { open, prepare, scene, far } = setup();
  scene.reachable = false;
  await prepare();
  await expect(open()).rejects.toBe(gone);
  scene.reachable = true;
  const stop = new AbortController();
  const preparing = prepare('b', stop.signal);
  stop.abort();
  await preparing;
  expect(far[0]!.closed.aborted || far.length === 0).toBe(true);
});

test('nothing is opened or pooled after the net has stopped', async () => {
  const { open, prepare, far, lifetime, clock } = setup();
  await prepare();
  const channel = await open();
  lifetime.abort();
  channel.abort(gone);
  await clock.advance(renewMs);
  expect(far).toHaveLength(1);
});

import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createLastSeen } from './last-seen.ts';
import type { TabloomNode } from './node.ts';
import { dropSilent } from './silence.ts';
import { nodeTuning } from './tuning.ts';

const { silenceTickMs: tickMs, silentTicksMax } = nodeTuning;
const peer = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf';
const never = () => new Promise<never>(() => undefined);

function setup(delayMs: (ms: number) => number = (ms) => ms) {
  const manual = manualClock();
  const clock = { ...manual, delay: (ms: number, options = {}) => manual.delay(delayMs(ms), options) };
  const events = new EventTarget();
  const lastSeen = createLastSeen(clock);
  dropSilent({
    node: events as unknown as TabloomNode,
    lastSeen,
    clock,
    random: systemRandom,
    logger: silentLogger,
    tuning: nodeTuning,
    lifetime: new AbortController().signal,
  });
  const tell = (type: string, detail: unknown) => events.dispatchEvent(new CustomEvent(type, { detail }));
  /** A yamux connection, unless `muxer` has no ping, as on WebRTC. */
  const open = (muxer: { ping?: () => Promise<number> } = { ping: never }, newStream = vi.fn()) => {
    const connection = {
      status: 'open',
      remotePeer: peer,
      remoteAddr: multiaddr(`/ip4/192.0.2.1/udp/1/webrtc-direct/p2p/${peer}`),
      maConn: new EventTarget(),
      muxer,
      newStream,
      abort: vi.fn(() => {
        connection.status = 'aborted';
        tell('connection:close', connection);
      }),
    };
    tell('connection:open', connection);
    return connection;
  };
  return { clock, open, markSeen: (connection: object) => lastSeen.markSeen(connection as Connection) };
}

test('a silent connection is pinged halfway and then dropped; a busy one is neither', async () => {
  const { clock, open } = setup();
  const [silent, busy] = [open({ ping: vi.fn(never) }), open({ ping: vi.fn(never) })];
  for (let tick = 1; tick < silentTicksMax; tick++) {
    await clock.advance(tickMs);
    busy.maConn.dispatchEvent(new Event('message'));
    expect(silent.muxer.ping).toHaveBeenCalledTimes(tick < silentTicksMax / 2 ? 0 : 1);
  }
  expect(silent.abort).not.toHaveBeenCalled();
  await clock.advance(tickMs);
  expect(silent.abort).toHaveBeenCalledTimes(1);
  await clock.advance(10 * tickMs);
  expect(silent.abort).toHaveBeenCalledTimes(1);
  expect(busy.abort).toHaveBeenCalledTimes(1);
});

test('a connection that answers pings or receives anything on a channel is kept', async () => {
  const { clock, open, markSeen } = setup();
  const ping = vi.fn(async () => 1);
  const [idle, busy] = [open({ ping }), open()];
  const ticks = 60;
  for (let tick = 0; tick < ticks; tick++) {
    await clock.advance(tickMs);
    markSeen(busy);
  }
  expect(idle.abort).not.toHaveBeenCalled();
  expect(busy.abort).not.toHaveBeenCalled();
  expect(ping.mock.calls.length).toBeGreaterThan(ticks / silentTicksMax);
  expect(ping.mock.calls.length).toBeLessThanOrEqual(ticks / 2);
});

test('without a muxer ping, a stream is opened for one, and a refusal proves the peer alive', async () => {
  const { clock, open } = setup();
  const refusing = vi.fn(async () => {
    throw Object.assign(new Error('no ping here'), { name: 'UnsupportedProtocolError' });
  });
  const signals: AbortSignal[] = [];
  const hanging = vi.fn((_protocol: string, { signal }: { signal: AbortSignal }) => {
    signals.push(signal);
    return never();
  });
  const [kept, dropped] = [open({}, refusing), open({}, hanging)];
  await clock.advance((silentTicksMax + 1) * tickMs);
  expect(refusing).toHaveBeenCalled();
  expect(kept.abort).not.toHaveBeenCalled();
  expect(dropped.abort).toHaveBeenCalledTimes(1);
  // The pending ping was cancelled.
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test('a stalled process counts one tick, however long the stall', async () => {
  let stallMs = 600_000;
  const { clock, open } = setup((ms) => {
    const late = stallMs;
    stallMs = 0;
    return ms + late;
  });
  const connection = open();
  await clock.advance(600_000 + tickMs);
  await clock.advance((silentTicksMax - 2) * tickMs);
  expect(connection.abort).not.toHaveBeenCalled();
  await clock.advance(tickMs);
  expect(connection.abort).toHaveBeenCalledTimes(1);
});

import type { Connection } from '@libp2p/interface';
import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createLastSeen } from './last-seen.ts';
import { createStreamPermits } from './stream-permits.ts';
import { createStreams } from './streams.ts';
import { nodeTuning } from './tuning.ts';

/** A connection on which protocol negotiation never completes. */
function setup() {
  const clock = manualClock();
  const lastSeen = createLastSeen(clock);
  let asked = 0;
  const connection = {
    status: 'open',
    remotePeer: 'b',
    remoteAddr: '/ip4/192.0.2.1/udp/1/webrtc-direct/p2p/b',
    newStream: (_protocol: string, { signal }: { signal: AbortSignal }) => {
      asked += 1;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    abort: vi.fn(() => {
      connection.status = 'aborted';
    }),
  };
  const streams = createStreams({
    resolver: { connect: async () => connection as unknown as Connection },
    permits: createStreamPermits(8),
    lastSeen,
    clock,
    tuning: nodeTuning,
  });
  const opening = streams.open('b', '/p/1', { addrs: [], signal: new AbortController().signal });
  const failure = expect(opening).rejects.toMatchObject({ code: 'peer-unreachable' });
  return {
    clock,
    connection,
    failure,
    markSeen: () => lastSeen.markSeen(connection as unknown as Connection),
    asked: () => asked,
  };
}

test('a connection that opens no stream and receives nothing else is dropped', async () => {
  const { clock, connection, failure } = setup();
  await clock.advance(nodeTuning.streamTimeoutMs);
  expect(connection.abort).toHaveBeenCalledTimes(1);
  await clock.advance(nodeTuning.streamTimeoutMs);
  await failure;
});

test('a connection that still receives data is kept, with its open channels', async () => {
  const { clock, connection, failure, markSeen, asked } = setup();
  for (let tries = 1; tries <= 2; tries++) {
    await clock.advance(nodeTuning.streamTimeoutMs - 1);
    markSeen();
    await clock.advance(1);
    expect(asked()).toBe(Math.min(tries + 1, 2));
  }
  await failure;
  expect(connection.abort).not.toHaveBeenCalled();
});

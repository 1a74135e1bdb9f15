import { expect, test } from 'vitest';
import { gettersOf } from '#lib/base/getters.fixture.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { createDeltaReader } from '#lib/engine/remote/deltas.ts';
import { createInbox } from '#lib/net/inbox.ts';
import { createChannelPair } from '#lib/net/pair.ts';
import { peekable, reopenOnce } from '#lib/net/reopen-once.ts';
import { createMerkle } from '#lib/trust/merkle.ts';
import { drive } from './drive.ts';
import { createEventQueue } from './event-queue.ts';
import { createFrameLog } from './frame-log.ts';

const pair = createChannelPair({ near: 'A', far: 'B', path: 'loopback', handsValues: true });
const ignore = () => undefined;

test.each([
  ['mutex', createMutex()],
  ['inbox', createInbox()],
  ['end of a channel', pair.near],
  ['channel that was kept ready', reopenOnce(peekable(pair.far), () => expect.fail('it is open'))],
  ['driver', drive({ initial: 0, reduce: (state) => [state, []], perform: ignore })],
  ['event queue', createEventQueue({ onDrain: ignore, onAbandon: ignore })],
  ['frame log', createFrameLog()],
  ['tree of hashes', createMerkle()],
  ['reader of deltas', createDeltaReader('x')],
])('what every job makes has no getters: %s', (_what, made) => {
  expect(gettersOf(made)).toEqual([]);
});

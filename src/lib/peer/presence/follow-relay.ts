import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import {
  decodeFindFrame,
  encodeFindRequest,
  findProtocol,
  type FindFrame,
  type FindRequest,
} from '#lib/protocol/find.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createTimers } from '../timers.ts';

interface RelayStream {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly request: FindRequest;
  /** `waitedMs`: since the request was sent. */
  readonly onFrame: (frame: FindFrame | 'lost', waitedMs: number) => void;
  readonly signal: AbortSignal;
}

const backOffMs = { first: 250, max: 15_000 } as const;
/** A stream that ends sooner has failed, whatever it brought: a relay that sends nonsense is not asked four times a second. */
const streamMsMin = 5_000;

/** Opens one stream after the other to a relay, with a growing pause between those that soon failed. */
export async function followRelay(relay: PeerId, stream: RelayStream): Promise<void> {
  const { clock, random, logger, onFrame, signal } = stream;
  for (let pauseMs: number = backOffMs.first; !signal.aborted;) {
    const openedMs = clock.elapsed();
    try {
      await readStream(relay, stream);
    } catch (error) {
      if (!signal.aborted) logger.info('find-lost', { relay, code: errorCode(error) });
    }
    onFrame('lost', 0);
    const isSound = clock.elapsed() - openedMs >= streamMsMin;
    pauseMs = isSound ? backOffMs.first : Math.min(backOffMs.max, pauseMs * 2);
    await clock.delay(pauseMs * (0.5 + random.float()), { signal }).catch(() => undefined);
  }
}

async function readStream(relay: PeerId, { net, clock, request, onFrame, signal }: RelayStream): Promise<void> {
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const timers = createTimers<'silence'>({
    clock,
    spared: new Set(['silence'] as const),
    onFire: () => over.abort(wireError('peer-lost', 'The relay has stopped sending.')),
  });
  timers.arm('silence', limits.findSilenceTimeoutMs);
  let channel: Awaited<ReturnType<Net['open']>> | undefined;
  try {
    channel = await net.open(relay, findProtocol, { signal: ended });
    const askedMs = clock.elapsed();
    await channel.send(encodeFindRequest(request), { signal: ended });
    const frames = channel[Symbol.asyncIterator]();
    for (;;) {
      const next = await raceSignal(frames.next(), ended);
      if (next.done) return;
      timers.arm('silence', limits.findSilenceTimeoutMs);
      const frame = decodeFindFrame(next.value);
      if (frame.t !== 'unknown') onFrame(frame, clock.elapsed() - askedMs);
    }
  } finally {
    timers.stop();
    channel?.abort(wireError('cancelled'));
  }
}

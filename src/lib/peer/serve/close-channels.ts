import type { Clock } from '#lib/base/clock.ts';
import { errorCode, toErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import { startDeadline, withTimeout } from '#lib/base/timeout.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { isPayErrorCode, payError } from '#lib/pay/errors.ts';
import type { Till } from '#lib/pay/ports.ts';
import { closeProtocol, decodeCloseRequest, encodeCloseFrame, type CloseFrame } from '#lib/protocol/closing.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createChannelPermits } from './channel-permits.ts';

/** Each may have the chain read, so few are answered at once, and the others are cut off. */
const permitLimits = { servedMax: 8, refusedMax: 0 } as const;

/** The worker's side of `/tabloom/close/2`: whoever pays here may have its channel closed at once. */
export function createChannelCloser({
  net,
  till,
  clock,
  logger,
}: {
  readonly net: Net;
  readonly till: Till | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}): Startable {
  const permits = createChannelPermits(permitLimits);
  let lifetime: AbortController | undefined;
  let endHandling: (() => void) | undefined;

  const answer = async (channel: Channel, signal: AbortSignal): Promise<CloseFrame> => {
    const first = await withTimeout(channel[Symbol.asyncIterator]().next(), clock, limits.closeRequestMs, { signal });
    if (first.done) throw wireError('bad-frame');
    const request = decodeCloseRequest(first.value);
    try {
      // A page's till is opened when it is needed, and may not be able to agree before.
      if (!till?.agree) throw payError('not-allowed');
      const { finalAmount, ...agreed } = await till.agree(request, { signal });
      return { t: 'agreed', finalAmount: finalAmount.toString(), ...agreed };
    } catch (error) {
      const { code, message } = toErrorRecord(error);
      if (!isPayErrorCode(code)) throw error;
      return { t: 'refused', code, message };
    }
  };
  const handle = async (channel: Channel) => {
    if (!lifetime) return channel.abort(wireError('busy'));
    const permit = permits.take(channel.remote, 1);
    if (permit.type !== 'serve') return channel.abort(wireError('busy'));
    const { signal, clear } = startDeadline(clock, limits.closeAnswerMs, { signal: lifetime.signal });
    try {
      await channel.send(encodeCloseFrame(await answer(channel, signal)), { signal });
      await channel.close();
    } catch (error) {
      logger.info('close-not-answered', { code: errorCode(error) });
      channel.abort(wireError('bad-frame'));
    } finally {
      clear();
      permit.release();
    }
  };

  return {
    async start() {
      if (lifetime || !till) return;
      lifetime = new AbortController();
      endHandling = net.handle(closeProtocol, handle);
    },
    async stop() {
      endHandling?.();
      lifetime?.abort();
      endHandling = lifetime = undefined;
    },
  };
}

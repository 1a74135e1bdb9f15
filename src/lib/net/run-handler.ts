import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { channelLost } from './errors.ts';
import type { Channel, ChannelHandler } from './spec.ts';

/** How long the opener may keep a channel half open after the handler has finished. */
const lingerMs = 5_000;

/**
 * Runs a handler on its channel and ends the channel: closed when the handler returns, aborted when it throws or when
 * the other side does not close in time.
 */
export function runHandler(handler: ChannelHandler, channel: Channel, clock: Clock): void {
  const serve = async () => {
    try {
      await handler(channel);
      await channel.close();
    } catch (error) {
      channel.abort(error instanceof TabloomError ? error : channelLost(error));
      return;
    }
    if (channel.closed.aborted) return;
    await clock.delay(lingerMs, { signal: channel.closed });
    channel.abort(channelLost());
  };
  serve().catch(() => undefined);
}

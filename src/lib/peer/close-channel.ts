import type { Clock } from '#lib/base/clock.ts';
import type { Channel } from '#lib/net/spec.ts';
import { encodeAskerFrame, type AskerFrame } from '#lib/protocol/frame.ts';
import { limits } from '#lib/protocol/limits.ts';
import { within } from './within.ts';

/**
 * Says the last word, if there is one, and closes; not waited for. A worker that does not close its own side in time is
 * cut off: what only one side has closed is still open.
 */
export function closeChannel(channel: Channel, clock: Clock, last?: AskerFrame): void {
  const closing = async () => {
    const saying = async () => {
      if (last) await channel.send(encodeAskerFrame(last));
      await channel.close();
    };
    await within(saying(), limits.countersignTimeoutMs, clock);
    await within(untilClosed(channel.closed), limits.countersignTimeoutMs, clock);
  };
  closing().catch((error) => channel.abort(error));
}

function untilClosed(closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (closed.aborted) return resolve();
    closed.addEventListener('abort', () => resolve(), { once: true });
  });
}

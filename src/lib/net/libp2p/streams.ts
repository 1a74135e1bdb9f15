import type { Connection } from '@libp2p/interface';
import { throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { channelLost, peerUnreachable, protocolUnknown } from '../errors.ts';
import type { Channel } from '../spec.ts';
import { createStreamChannel } from './channel.ts';
import { dropConnection } from './drop-connection.ts';
import type { LastSeen } from './last-seen.ts';
import type { StreamPermits } from './stream-permits.ts';
import type { ConnectionResolver, ConnectOptions } from './connection-resolver.ts';
import type { Tuning } from './tuning.ts';

/** A channel opened by this side. */
export interface OpenedStream {
  readonly channel: Channel;
  readonly connection: Connection;
  /** `clock.elapsed()` when the stream was requested; the other side's timeout starts later. */
  readonly sinceMs: number;
}

/** Opens channels on the connection that {@link ConnectionResolver} finds. */
export interface Streams {
  /** @throws `busy`, `peer-unreachable`, `protocol-unknown`, the signal's coded error. */
  open(peer: PeerId, protocol: string, options: ConnectOptions): Promise<OpenedStream>;
}

export interface StreamsInput {
  readonly resolver: ConnectionResolver;
  readonly permits: StreamPermits;
  readonly lastSeen: LastSeen;
  readonly clock: Clock;
  readonly tuning: Tuning;
}

const noStream = 'its connection opened no stream';

export function createStreams({ resolver, permits, lastSeen, clock, tuning }: StreamsInput): Streams {
  const openOn = async (
    connection: Connection,
    protocol: string,
    onClose: () => void,
    signal: AbortSignal,
  ): Promise<OpenedStream> => {
    const sinceMs = clock.elapsed();
    const deadline = startDeadline(clock, tuning.streamTimeoutMs, { signal });
    try {
      const stream = await connection.newStream(protocol, {
        signal: deadline.signal,
        runOnLimitedConnection: true,
        maxOutboundStreams: tuning.streamsPerProtocolMax,
      });
      const channel = createStreamChannel(stream, connection, clock, () => lastSeen.markSeen(connection));
      // By then the other side no longer counts it either.
      if (stream.status === 'open') stream.addEventListener('close', onClose, { once: true });
      else onClose();
      return { channel, connection, sinceMs };
    } catch (error) {
      const peer = connection.remotePeer.toString();
      if (error instanceof Error && error.name === 'UnsupportedProtocolError') throw protocolUnknown(peer, protocol);
      throwIfAborted(signal);
      // A connection that opens no stream and has received nothing else meanwhile is as good as dead: drop it, so that
      // the next attempt does not use it. If data still arrives, it is merely slow, and other channels are using it.
      if (connection.status === 'open' && deadline.signal.aborted && !lastSeen.seenSince(connection, sinceMs))
        await dropConnection(connection, channelLost(error), clock);
      throw peerUnreachable(peer, noStream, error);
    } finally {
      deadline.clear();
    }
  };

  const openOnce: Streams['open'] = async (peer, protocol, options) => {
    const free = permits.take(peer, protocol);
    try {
      return await openOn(await resolver.connect(peer, options), protocol, free, options.signal);
    } catch (error) {
      free();
      throw error;
    }
  };

  return {
    async open(peer, protocol, options) {
      try {
        return await openOnce(peer, protocol, options);
      } catch (error) {
        throwIfAborted(options.signal);
        const stale = error instanceof TabloomError && error.details['reason'] === noStream;
        if (!stale) throw error;
        return openOnce(peer, protocol, options);
      }
    },
  };
}

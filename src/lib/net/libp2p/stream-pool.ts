import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { channelLost } from '../errors.ts';
import { peekable, reopenOnce, type PeekableChannel } from '../reopen-once.ts';
import type { Channel } from '../spec.ts';
import type { ConnectOptions } from './connection-resolver.ts';
import type { OpenedStream, Streams } from './streams.ts';

/**
 * A pool of pre-opened channels: dialling, opening a stream and negotiating its protocol cost round trips that a user
 * would wait for. Holds one channel per peer and protocol requested with `prepare`, and few in total. A channel is
 * handed out only while it is recent enough for the other side to still be waiting for its first message.
 */
export interface StreamPool {
  /** Takes a pooled channel if there is one, else opens a new one. */
  open(peer: PeerId, protocol: string, options: ConnectOptions): Promise<Channel>;
  /** Keeps a channel ready, starting now or when the one in use ends. */
  prepare(peer: PeerId, protocol: string, options: ConnectOptions): Promise<void>;
}

export const streamPoolLimits = {
  channelsMax: 4,
  /** A worker waits ten seconds for `open`; this leaves a margin for a slow path. */
  freshMs: 8_000,
  /** An expired channel is replaced if the last use was within this time, or when it is requested again. */
  renewMs: 60_000,
} as const;

export interface StreamPoolInput {
  readonly streams: Streams;
  readonly clock: Clock;
  /** Whether the channel is still on the connection that would be chosen now. */
  readonly isBest: (opened: OpenedStream) => boolean;
  readonly lifetime: AbortSignal;
}

/** A peer and protocol for which a channel is kept ready. */
interface Place {
  readonly peer: PeerId;
  readonly protocol: string;
  addrs: readonly string[];
  askedMs: number;
  usedMs: number;
  inUse: number;
  ready?: Ready | undefined;
  opening?: Promise<void> | undefined;
}

interface Ready extends OpenedStream {
  readonly head: PeekableChannel;
}

export function createStreamPool({ streams, clock, isBest, lifetime }: StreamPoolInput): StreamPool {
  const { channelsMax, freshMs, renewMs } = streamPoolLimits;
  const places = new Map<string, Place>();
  const keyOf = (peer: PeerId, protocol: string) => `${peer} ${protocol}`;

  const isKept = (place: Place) => places.get(keyOf(place.peer, place.protocol)) === place;

  const clear = (place: Place) => {
    place.ready?.channel.abort(channelLost());
    place.ready = undefined;
  };
  const fill = (place: Place, options: Pick<ConnectOptions, 'signal' | 'directTimeoutMs'>): Promise<void> => {
    if (place.ready) return Promise.resolve();
    place.opening ??= fillOnce(place, options)
      // A failure here is ignored: `open` will try again and report it.
      .catch(() => undefined)
      .finally(() => {
        place.opening = undefined;
      });
    return place.opening;
  };
  const fillOnce = async (place: Place, options: Omit<ConnectOptions, 'addrs'>) => {
    const opened = await streams.open(place.peer, place.protocol, { ...options, addrs: place.addrs });
    if (options.signal.aborted || lifetime.aborted || !isKept(place)) return opened.channel.abort(channelLost());
    const ready: Ready = { ...opened, head: peekable(opened.channel) };
    place.ready = ready;
    // Nothing has been sent yet, so anything received is a refusal.
    const drop = () => {
      if (place.ready === ready) clear(place);
    };
    ready.head.peek().then(drop, drop);
    void expire(place, ready);
  };
  const expire = async (place: Place, ready: Ready) => {
    await clock.delay(ready.sinceMs + freshMs - clock.elapsed(), { signal: lifetime }).catch(() => undefined);
    if (place.ready !== ready) return;
    clear(place);
    const wanted = place.askedMs > ready.sinceMs || clock.elapsed() - place.usedMs < renewMs;
    if (wanted && place.inUse === 0 && !lifetime.aborted) await fill(place, { signal: lifetime });
  };
  const take = (place: Place): PeekableChannel | undefined => {
    const { ready } = place;
    if (!ready) return undefined;
    const usable = clock.elapsed() - ready.sinceMs < freshMs && !ready.channel.closed.aborted && isBest(ready);
    if (!usable) clear(place);
    place.ready = undefined;
    return usable ? ready.head : undefined;
  };
  /** The next channel is opened only when this one has ended; otherwise it would expire while this one streams. */
  const follow = (place: Place, channel: Channel) => {
    const onClosed = () => {
      place.inUse -= 1;
      place.usedMs = clock.elapsed();
      if (!lifetime.aborted && isKept(place)) void fill(place, { signal: lifetime });
    };
    place.inUse += 1;
    place.usedMs = clock.elapsed();
    if (channel.closed.aborted) onClosed();
    else channel.closed.addEventListener('abort', onClosed, { once: true });
  };

  return {
    async open(peer, protocol, options) {
      const { signal, directTimeoutMs } = options;
      const afresh = (within: AbortSignal) =>
        streams.open(peer, protocol, { ...options, signal: within }).then(({ channel }) => channel);
      const place = places.get(keyOf(peer, protocol));
      if (!place) return afresh(signal);
      // Wait for a channel that is already being opened: it has a head start, but may be waiting for a direct connection.
      if (place.opening && directTimeoutMs === undefined) await raceSignal(place.opening, signal);
      const kept = take(place);
      const channel = kept
        ? reopenOnce(kept, (within) => afresh(AbortSignal.any([within, lifetime])))
        : await afresh(signal);
      follow(place, channel);
      return channel;
    },
    async prepare(peer, protocol, { addrs, ...options }) {
      const key = keyOf(peer, protocol);
      const place = places.get(key) ?? {
        peer,
        protocol,
        addrs,
        askedMs: 0,
        usedMs: Number.NEGATIVE_INFINITY,
        inUse: 0,
      };
      place.addrs = addrs;
      place.askedMs = clock.elapsed();
      // Reinsert as the newest; evict the oldest.
      places.delete(key);
      for (const [other, oldest] of places) {
        if (places.size < channelsMax) break;
        places.delete(other);
        clear(oldest);
      }
      places.set(key, place);
      if (place.inUse === 0) await fill(place, options);
    },
  };
}

import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { findProtocol, offersTopic } from '#lib/protocol/find.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createGossipJudge } from './judge-gossip.ts';
import { serveFind } from './serve-find.ts';

export interface IntroduceComponents {
  readonly net: Net;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Other relays, whose word is taken for who is there; nobody's unless said otherwise. */
  readonly relays?: (() => readonly PeerId[]) | undefined;
  /** What the hello says of the network; by the number of offers unless said otherwise. */
  readonly network?: (() => 'small' | 'large') | undefined;
}

/** Offers up to which askers are told to listen to the topic themselves. */
const smallNetworkMax = 200;
/** Find streams a relay serves in all. */
const streamsMax = 8_192;

/**
 * What a relay does beside carrying bytes: judges gossiped offers before they go on, keeps the directory, and tells
 * askers who serves what. A peer whose connection to this relay has gone is taken out at once; if it lives, it speaks
 * again.
 */
export function createIntroducer(components: IntroduceComponents): Startable {
  const { net, directory, clock, logger } = components;
  const trusts = (source: PeerId) => components.relays?.().includes(source) ?? false;
  const network = components.network ?? (() => (directory.size <= smallNetworkMax ? 'small' : 'large'));
  const streamsOf = new Map<PeerId, number>();
  let streams = 0;
  let life: AbortController | undefined;
  let ends: readonly (() => void)[] = [];

  const handle = async (channel: Channel) => {
    const open = streamsOf.get(channel.remote) ?? 0;
    if (!life || open >= limits.findStreamsPerPeerMax || streams >= streamsMax) return channel.abort(wireError('busy'));
    streamsOf.set(channel.remote, open + 1);
    streams += 1;
    try {
      await serveFind(channel, { ...components, network, signal: life.signal });
    } catch (error) {
      logger.info('find-ended', { code: errorCode(error) });
      throw error;
    } finally {
      streams -= 1;
      const left = (streamsOf.get(channel.remote) ?? 1) - 1;
      if (left > 0) streamsOf.set(channel.remote, left);
      else streamsOf.delete(channel.remote);
    }
  };

  return {
    async start() {
      if (life) return;
      life = new AbortController();
      ends = [
        net.subscribe(offersTopic, {
          validate: createGossipJudge({ directory, clock, trusts, strangers: 'none' }),
          // Judging has kept it already.
          deliver: () => undefined,
        }),
        net.handle(findProtocol, handle),
        // If it lives it speaks again.
        net.onPeerGone((peer) => directory.remove(peer)),
      ];
      void expireEverySecond(directory, clock, life.signal);
    },
    async stop() {
      for (const end of ends) end();
      ends = [];
      life?.abort();
      life = undefined;
    },
  };
}

/** Keeps a directory free of what has expired until the signal aborts. */
export async function expireEverySecond(directory: Directory, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await raceSignal(clock.delay(1_000, { signal }), signal);
      directory.expire();
    }
  } catch {
    // The signal has aborted.
  }
}

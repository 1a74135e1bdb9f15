import type { Connection, Libp2pEvents } from '@libp2p/interface';
import { channelLost } from '../errors.ts';
import { dropConnection } from './drop-connection.ts';
import type { LastSeen } from './last-seen.ts';
import type { TabloomNode } from './node.ts';
import { pingConnection } from './ping-connection.ts';
import type { ProbeInput } from './probe.ts';

export interface SilenceInput extends ProbeInput {
  readonly node: TabloomNode;
  /** Marked whenever raw bytes arrive, where the transport exposes them; channels mark the rest. */
  readonly lastSeen: LastSeen;
}

/** Each turn checks a fraction of the connections, so that a relay with thousands does not ping them all at once. */
const turnsPerTick = 4;

interface Watched {
  silentTicks: number;
  /** Aborted when the connection closes. */
  readonly closed: AbortController;
}

/**
 * Drops connections that have gone silent. A frozen tab or an unplugged machine closes nothing, and the operating system
 * of a frozen process keeps acknowledging data, so TCP and ICE may consider it alive for minutes. A connection that has
 * received nothing for half of `silentTicksMax` ticks is pinged, and dropped if that brings nothing within the other
 * half. Busy connections are never pinged, and one that is merely slow, with its pong queued behind a burst of messages,
 * is kept.
 *
 * It counts ticks rather than time: a stalled process or a hidden page with throttled timers has missed one tick,
 * however long that took, and reads what has arrived before the next one.
 */
export function dropSilent(input: SilenceInput): void {
  const { node, lastSeen, clock, logger, tuning, lifetime } = input;
  const turns = Array.from({ length: turnsPerTick }, () => ({
    sinceMs: clock.elapsed(),
    watched: new Map<Connection, Watched>(),
  }));
  let opened = 0;

  node.addEventListener('connection:open', ({ detail: connection }: Libp2pEvents['connection:open']) => {
    const { watched } = turns[opened++ % turnsPerTick]!;
    watched.set(connection, { silentTicks: 0, closed: new AbortController() });
    within(connection).maConn?.addEventListener('message', () => lastSeen.markSeen(connection));
  });
  node.addEventListener('connection:close', ({ detail: connection }: Libp2pEvents['connection:close']) => {
    for (const { watched } of turns) {
      watched.get(connection)?.closed.abort(channelLost());
      watched.delete(connection);
    }
  });

  const check = (connection: Connection, watched: Watched, sinceMs: number) => {
    watched.silentTicks = lastSeen.seenSince(connection, sinceMs) ? 0 : watched.silentTicks + 1;
    if (watched.silentTicks === Math.ceil(tuning.silentTicksMax / 2)) {
      ping(connection, input, watched.closed.signal).then(
        () => lastSeen.markSeen(connection),
        () => undefined,
      );
    }
    if (watched.silentTicks < tuning.silentTicksMax) return;
    watched.silentTicks = 0;
    logger.info('connection-silent', { peer: connection.remotePeer.toString() });
    dropConnection(connection, channelLost(), clock).catch(() => undefined);
  };
  const run = async () => {
    for (let turn = 0; ; turn = (turn + 1) % turnsPerTick) {
      await clock.delay(tuning.silenceTickMs / turnsPerTick, { signal: lifetime });
      const { watched, sinceMs } = turns[turn]!;
      turns[turn]!.sinceMs = clock.elapsed();
      for (const [connection, state] of watched) check(connection, state, sinceMs);
    }
  };
  run().catch(() => undefined);
}

/** Private fields of js-libp2p 3. On WebRTC, bytes bypass `maConn` and the muxer has no ping. */
interface Within {
  readonly maConn?: EventTarget;
  readonly muxer?: { ping?(): Promise<number> };
}

const within = (connection: Connection) => connection as unknown as Within;

/** A yamux ping is a 12-byte frame each way; opening a ping stream takes about ten messages. */
async function ping(connection: Connection, input: ProbeInput, signal: AbortSignal): Promise<unknown> {
  const { muxer } = within(connection);
  try {
    return await (muxer?.ping?.() ?? pingConnection(connection, input, signal));
  } catch (error) {
    // A refusal proves that the peer is alive.
    if (!(error instanceof Error && error.name === 'UnsupportedProtocolError')) throw error;
  }
}

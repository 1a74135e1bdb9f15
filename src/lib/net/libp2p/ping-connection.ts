import type { Connection } from '@libp2p/interface';
import { PING_PROTOCOL } from '@libp2p/ping';
import { byteStream } from '@libp2p/utils';
import type { Clock } from '#lib/base/clock.ts';
import { equalBytes } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Random } from '#lib/base/random.ts';

/** libp2p ping (`/ipfs/ping/1.0.0`): 32 random bytes echoed on this particular connection. Returns milliseconds. */
export async function pingConnection(
  connection: Connection,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  signal: AbortSignal,
): Promise<number> {
  const stream = await connection.newStream(PING_PROTOCOL, { signal, runOnLimitedConnection: true });
  try {
    const bytes = byteStream(stream);
    const sent = random.bytes(32);
    const startMs = clock.elapsed();
    const answer = bytes.read({ bytes: sent.length, signal });
    await Promise.all([bytes.write(sent, { signal }), answer]);
    if (!equalBytes((await answer).subarray(), sent))
      throw new TabloomError('bad-frame', 'The ping reply does not match.');
    return clock.elapsed() - startMs;
  } finally {
    stream.abort(new TabloomError('ping-done', 'The ping is complete.'));
  }
}

import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

const patienceMs = 5_000;

/**
 * Resolves when the directory holds an offer of the peer with a model in it, or when patience ends: who is told that
 * the relay is ready finds the model in its list.
 */
export async function untilListed(
  directory: Pick<Directory, 'get' | 'onChange'>,
  peer: PeerId,
  { clock, signal }: { readonly clock: Clock } & AbortOptions,
): Promise<'listed' | 'not-yet'> {
  const listed = () => (directory.get(peer)?.offer.models.length ?? 0) > 0;
  if (listed()) return 'listed';
  const done = new AbortController();
  const waited = signal ? AbortSignal.any([done.signal, signal]) : done.signal;
  const forget = directory.onChange(() => {
    if (listed()) done.abort();
  });
  await clock.delay(patienceMs, { signal: waited }).catch(() => undefined);
  forget();
  return listed() ? 'listed' : 'not-yet';
}

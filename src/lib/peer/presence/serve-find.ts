import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import { drawSample } from '#lib/market/sample.ts';
import type { Directory, DirectoryEntry, RouteQuery } from '#lib/market/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import {
  decodeFindRequest,
  encodeFindFrame,
  encodeSample,
  type FindFrame,
  type FindRequest,
} from '#lib/protocol/find.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { build } from '#lib/protocol/version.ts';
import { createBell } from '../bell.ts';
import { createPulse } from './pulse.ts';

export interface ServeFindComponents {
  readonly net: Net;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: () => 'small' | 'large';
  readonly signal: AbortSignal;
}

/** An asker that takes no frame for this long is cut off; it comes back and reads a fresh sample. */
const stallMs = 20_000;

/**
 * One find stream: hello, a random sample of what was wished for, then the changes for as long as the asker stays. A
 * change that has not been sent when the next one of the same peer comes is replaced by it, so a slow asker costs one
 * entry a peer. In a large network an asker hears of as many peers as it asked for, and of a new one when one has gone. Of
 * its own offer it hears in any case: so it knows that it is listed.
 */
export async function serveFind(channel: Channel, components: ServeFindComponents): Promise<void> {
  const { net, directory, clock, random, network } = components;
  const frames = channel[Symbol.asyncIterator]();
  const over = new AbortController();
  const signal = AbortSignal.any([components.signal, channel.closed, over.signal]);
  const pending = new Map<PeerId, FindFrame>();
  const told = new Set<PeerId>();
  const bell = createBell();

  const pulse = createPulse({
    clock,
    signal,
    intervalMs: limits.findAliveIntervalMs,
    stallMs,
    onQuiet: () => bell.ring(),
    onStall: () => over.abort(wireError('deadline')),
  });
  const send = (body: Uint8Array) => pulse.send(() => channel.send(body, { signal }));
  const expectRequest = async (request: Promise<unknown>) => {
    const settled = new AbortController();
    request.then(() => settled.abort()).catch(() => undefined);
    await clock.delay(limits.openFrameTimeoutMs, { signal: AbortSignal.any([signal, settled.signal]) });
    over.abort(wireError('deadline'));
  };

  const first = frames.next();
  expectRequest(first).catch(() => undefined);
  let endListening = () => {};
  try {
    const asked = await raceSignal(first, signal);
    if (asked.done) return;
    const request = decodeFindRequest(asked.value);
    // Anything more an asker sends, its end included, ends the stream.
    frames.next().then(
      (more) => over.abort(wireError(more.done ? 'peer-lost' : 'bad-frame')),
      (error) => over.abort(error),
    );
    endListening = directory.onChange((change) => {
      const peer = change.type === 'gone' ? change.peer : change.entry.offer.peer;
      if (change.type === 'gone') {
        if (told.delete(peer)) pending.set(peer, { t: 'gone', peer });
        else pending.delete(peer);
      } else if (
        told.has(peer) ||
        peer === channel.remote ||
        (matches(change.entry, request) && (network() === 'small' || told.size < request.limit))
      ) {
        told.add(peer);
        pending.set(peer, { t: 'offer', offer: change.entry.envelope });
      }
      bell.ring();
    });
    const now = clock.now();
    const drawn = drawSample(directory.serving(wished(request)), request.limit, random, (entry) => {
      return entry.expiresAt > now && matches(entry, request);
    });
    const own = directory.get(channel.remote);
    const sample = own && !drawn.includes(own) ? [...drawn, own] : drawn;
    for (const { offer } of sample) told.add(offer.peer);
    await send(encodeFindFrame({ t: 'hello', peer: net.self, build, network: network(), peers: directory.size }));
    for (const frame of encodeSample(sample.map(({ envelope }) => envelope))) await send(frame);
    for (;;) {
      const [next] = pending;
      if (next) {
        pending.delete(next[0]);
        await send(encodeFindFrame(next[1]));
      } else if (pulse.isQuiet) await send(encodeFindFrame({ t: 'alive' }));
      else await bell.wait({ signal });
    }
  } catch (error) {
    // The asker has left, which is how every find stream ends well.
    if (over.signal.aborted && over.signal.reason?.code === 'peer-lost') return;
    throw error;
  } finally {
    endListening();
    over.abort();
  }
}

const wished = ({ artefact }: FindRequest): RouteQuery['model'] => (artefact === undefined ? 'any' : { artefact });

function matches({ offer }: DirectoryEntry, { artefact, tier }: FindRequest): boolean {
  if (tier && !offer.tiers.includes(tier)) return false;
  return artefact === undefined || offer.models.some((model) => model.artefact === artefact);
}

import { TabloomError } from '#lib/base/errors.ts';
import type { Channel } from '#lib/net/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeTallyFrame, encodeTallyFrame, type TallyFrame } from '#lib/protocol/tally.ts';
import type { Fork } from '#lib/trust/chain.ts';

/** What one side of an exchange has to say, and what becomes of what it is told. */
export interface Exchanging {
  /** This peer's own tally, signed; undefined where it keeps it from the other. */
  readonly tally: () => Envelope | undefined;
  /** Peers whose forks are known here. */
  readonly forked: () => readonly PeerId[];
  /** Proofs for a peer that names these as known. */
  readonly forksBeside: (known: readonly PeerId[]) => readonly Fork[];
  /** Links that were seen here, as digests. */
  readonly links: () => Uint8Array;
  /** Of the other's links, the places where another record is known here, likewise. */
  readonly conflicts: (links: Uint8Array) => Uint8Array;
  /** The records that stand here in those places. */
  readonly records: (links: Uint8Array) => Promise<readonly Envelope[]>;
  /** The proof that another's record makes with the one that is kept here; undefined where it makes none. */
  readonly prove: (record: Envelope) => Promise<Fork | undefined>;
  /** @throws `bad-record`, `bad-signature` for a tally that is not the other's. */
  readonly onTally: (tally: Envelope) => void;
  /** Returns whether it proves anything. */
  readonly shown: (fork: Fork) => boolean;
}

type Role = 'opens' | 'answers';

/**
 * One side of `/tabloom/tally/2`, to its end. The channel is the caller's to abort.
 * @throws `bad-frame` and what the channel throws.
 */
export async function exchange(channel: Channel, role: Role, side: Exchanging): Promise<void> {
  const send = (frame: TallyFrame) => channel.send(encodeTallyFrame(frame));
  const counts = { have: 0, tally: 0, link: 0, fork: 0, unknown: 0 };
  const sayTally = async () => {
    const envelope = side.tally();
    if (envelope) await send({ t: 'tally', envelope });
  };
  const sayForks = async (known: readonly PeerId[]) => {
    for (const fork of side.forksBeside(known).slice(0, limits.tallyForksMax)) await send({ t: 'fork', fork });
  };

  if (role === 'opens') {
    await send({ t: 'have', forked: [...side.forked()], links: side.links() });
    await sayTally();
  }
  for await (const body of channel) {
    const frame = decodeTallyFrame(body);
    counts[frame.t] += 1;
    if (isTooMuch(counts, frame.t, role) || (frame.t !== 'have' && counts.have === 0)) throw wireError('bad-frame');
    switch (frame.t) {
      case 'have':
        if (role === 'opens') {
          await sayForks(frame.forked);
          const envelopes = await side.records(frame.links);
          for (const envelope of envelopes.slice(0, limits.tallyForksMax)) {
            await send({ t: 'link', envelope: envelope as Extract<TallyFrame, { t: 'link' }>['envelope'] });
          }
          await channel.close();
        } else {
          await send({ t: 'have', forked: [...side.forked()], links: side.conflicts(frame.links) });
          await sayTally();
          await sayForks(frame.forked);
        }
        break;
      case 'tally':
        side.onTally(frame.envelope);
        break;
      case 'link': {
        const fork = await side.prove(frame.envelope);
        if (fork) await send({ t: 'fork', fork });
        break;
      }
      case 'fork':
        if (!side.shown(frame.fork)) throw new TabloomError('bad-frame', 'These two records prove no fork.');
        break;
      case 'unknown':
        break;
    }
  }
  if (counts.have === 0) throw wireError('peer-lost');
  await channel.close();
}

/** Forks come of their own accord and as the answer to links. */
const isTooMuch = (counts: Readonly<Record<TallyFrame['t'] | 'unknown', number>>, t: string, role: Role): boolean =>
  counts.have > 1 ||
  counts.tally > 1 ||
  counts.fork > limits.tallyForksMax * (role === 'opens' ? 2 : 1) ||
  counts.link > (role === 'opens' ? 0 : limits.tallyForksMax) ||
  (t === 'unknown' && counts.unknown > limits.tallyForksMax);

import { channelCosts, readGasTerms } from './cost.ts';
import { isFor, type PurseChain } from './funding.ts';
import { parseAddress } from './input.ts';
import type { ChannelCosts, PurseChannels } from './ports.ts';
import type { ChannelRecord } from './spec.ts';

/** What was read of a chain's prices holds for so long. */
const costsSeconds = 600;

/** @param takenOf what of a channel's balance is promised or reserved, in units. */
export function createPurseChannels(
  chains: readonly PurseChain[],
  takenOf: (record: ChannelRecord) => bigint,
): PurseChannels {
  const known = new Map<PurseChain, { readonly costs: ChannelCosts; readonly at: number }>();
  const reading = new Set<PurseChain>();
  const read = async (on: PurseChain) => {
    if (reading.has(on)) return;
    reading.add(on);
    try {
      const [costs, at] = await Promise.all([costsOf(on), on.time.current()]);
      if (costs) known.set(on, { costs, at });
    } catch {
      // It is asked for again, and nothing is opened for what is not known.
    } finally {
      reading.delete(on);
    }
  };
  const onChain = (id: number) => chains.find(({ chain }) => chain.entry.id === id);

  return {
    ready: async () => undefined,
    to(payout, budget) {
      const on = onChain(payout.chain);
      if (!on) return 'none';
      const wanted = wantedOf(payout);
      const open = wanted
        ? on.payer
            .list()
            .filter((one) => one.seen.withdrawableAt === 0 && one.seen.balance > 0n && isFor(one, on, wanted))
        : [];
      if (open.length === 0) return 'none';
      return open.some((one) => one.seen.balance - takenOf(one) >= budget) ? 'room' : 'short';
    },
    costs(chain) {
      const on = onChain(chain);
      if (!on) return undefined;
      const kept = known.get(on);
      const now = on.time.now();
      if (!kept || now === null || now - kept.at >= costsSeconds) void read(on);
      return kept?.costs;
    },
  };
}

/** Undefined for an account that nothing could be paid to. */
function wantedOf({ provider, providerSigner, delay }: Parameters<PurseChannels['to']>[0]) {
  try {
    return {
      provider: parseAddress('provider', provider),
      providerSigner: parseAddress('providerSigner', providerSigner),
      delay,
    };
  } catch {
    return undefined;
  }
}

/** A sponsor's fees are what its payer pays; a wallet pays for its own gas, and its provider for a payout. */
async function costsOf({ chain, sender, rate }: PurseChain): Promise<ChannelCosts | undefined> {
  if ('quote' in sender) {
    const [open, announce, topUp] = await Promise.all([
      sender.quote('open'),
      sender.quote('announce'),
      sender.quote('top-up'),
    ]);
    return { open: open.fee + announce.fee, topUp: topUp.fee };
  }
  return rate && channelCosts(await readGasTerms(chain, rate));
}

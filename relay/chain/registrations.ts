import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { parseAddress } from '#lib/pay/input.ts';
import { readRegistration } from '#lib/pay/registry.ts';
import type { Chain } from '#lib/pay/spec.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { ShownRegistration } from '../gateway/payments.ts';

/** A registration changes rarely, and an offer comes every few seconds. */
const keptMs = 10 * 60_000;
/** Pairs of provider and peer. */
const keptMax = 1_024;
const askingMax = 4;

/**
 * What the chain says of the providers that offers name, as far as it is known: asking shows nothing new at once, but has the chain
 * asked. Undefined for other chains, and while it is not known.
 */
export function createRegistrations({
  chain,
  clock,
}: {
  readonly chain: Chain;
  readonly clock: Clock;
}): (offer: Pick<Offer, 'peer' | 'payout'>) => ShownRegistration | undefined {
  const known = new Map<string, { readonly shown: ShownRegistration; readonly at: number }>();
  const asking = new Set<string>();

  const ask = async (key: string, peer: string, provider: string) => {
    try {
      const found = { provider: parseAddress('provider', provider), peer };
      const shown = await readRegistration(chain, found).catch((error: unknown): ShownRegistration => {
        if (errorCode(error) === 'provider-mismatch') return 'mismatched';
        throw error;
      });
      known.delete(key);
      if (known.size >= keptMax) known.delete(known.keys().next().value!);
      known.set(key, { shown, at: clock.now() });
    } catch {
      // Asked again when it is next looked for.
    } finally {
      asking.delete(key);
    }
  };

  return ({ peer, payout }) => {
    if (payout?.chain !== chain.entry.id) return undefined;
    const key = `${payout.provider} ${peer}`;
    const entry = known.get(key);
    const isOld = entry === undefined || clock.now() - entry.at >= keptMs;
    if (isOld && asking.size < askingMax && !asking.has(key)) {
      asking.add(key);
      void ask(key, peer, payout.provider);
    }
    return entry?.shown;
  };
}

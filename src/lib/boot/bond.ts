import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { readRegistration } from '#lib/pay/registry.ts';
import type { Address, Chain } from '#lib/pay/spec.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import type { BondView } from '#lib/state/network.ts';

const timeoutMs = 15_000;

interface Account {
  readonly peer: string;
  /** Paid for the answers of the peer, by its offer. */
  readonly provider: string;
}

/** What the registry says of a peer's account, read through the page's relay. @throws `chain-unknown`, `chain-unavailable`. */
export function readBond(
  { chain, rpc }: RelayPayments,
  account: Account,
  { clock, fetch }: { readonly clock: Clock; readonly fetch: typeof globalThis.fetch },
): Promise<BondView> {
  const entry = { ...deployedChain(chain), rpcUrl: rpc };
  return bondOf(createChain({ clock, fetch }, { entry }), account, AbortSignal.timeout(timeoutMs));
}

/** Of an account that names another peer, the bond says nothing about this one. @throws `chain-unavailable`. */
export async function bondOf(chain: Chain, { peer, provider }: Account, signal?: AbortSignal): Promise<BondView> {
  const address = provider as Address;
  try {
    const registration = await readRegistration(chain, { provider: address, peer }, { signal });
    if (registration === 'unregistered') return { registration };
    const { bonded } = await chain.stake(address, { signal });
    return { registration, bonded };
  } catch (error) {
    if (errorCode(error) === 'provider-mismatch') return { registration: 'of-another' };
    throw error;
  }
}

import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { open } from '#lib/pay/actions/open.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { signAuthorization } from '#lib/pay/deposit.ts';
import { createPayer } from '#lib/pay/payer.ts';
import type { Address, Chain, ChannelId, ChannelTerms } from '#lib/pay/spec.ts';
import { sessionTerms } from '#lib/pay/terms.ts';
import { voucherRecord, type VoucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { openBurner } from '#lib/pay/wallet/burner.ts';
import { createInjectedWallets } from '#lib/pay/wallet/injected.ts';
import { createSessionKey, listSessionKeys } from '#lib/pay/wallet/session-key.ts';
import { createIndexedDbStorage } from '#lib/storage/indexeddb.ts';

/** The paying side in a real tab: keys and vouchers in IndexedDB, the chain over HTTP. */
export interface PayBench {
  burner(): Promise<Address>;
  /** Opens a channel to `provider` with `units`, from the burner or from the wallet that announces itself. */
  open(rpcUrl: string, provider: Address, units: string, from: 'burner' | 'injected'): Promise<ChannelTerms>;
  /** Promises `units` in all. */
  promise(id: ChannelId, units: string): Promise<VoucherRecord>;
  /** The newest voucher of every channel that this profile remembers. */
  remembered(): Promise<readonly (VoucherRecord | null)[]>;
}

const storage = createIndexedDbStorage({ factory: indexedDB, clock: systemClock }, { name: 'pay-bench' });
const random = systemRandom;
const entry = deployedChain(31_337);
const now = () => Math.floor(systemClock.now() / 1_000);

async function sessionKey() {
  const [known] = (await listSessionKeys(storage)).records;
  return known ?? createSessionKey({ storage, random }, { limit: 1_000_000n, expiresAt: now() + 3_600, now: now() });
}

async function payer() {
  const key = await sessionKey();
  const chain = chainAt(localStorage.getItem('rpcUrl')!);
  const time = createChainTime(chain, systemClock);
  return createPayer({ store: createVoucherStore(storage), clock: systemClock, chain, time, key });
}

const chainAt = (rpcUrl: string): Chain =>
  createChain({ clock: systemClock, fetch: fetch.bind(globalThis) }, { entry, rpcUrl, limits: { pollMs: 50 } });

async function walletFrom(from: 'burner' | 'injected') {
  if (from === 'burner') return openBurner({ storage, random });
  const wallets = createInjectedWallets(entry, { fetch: fetch.bind(globalThis) });
  const [found] = wallets.list();
  if (!found) throw new Error('no wallet announced itself');
  return wallets.connect(found.id);
}

const bench: PayBench = {
  burner: async () => (await openBurner({ storage, random })).address,
  async open(rpcUrl, provider, units, from) {
    localStorage.setItem('rpcUrl', rpcUrl);
    const chain = chainAt(rpcUrl);
    const wallet = await walletFrom(from);
    const paying = await payer();
    const { address: payerSigner } = await sessionKey();
    const terms = sessionTerms(random, {
      payer: wallet.address,
      payerSigner,
      provider,
      providerSigner: provider,
      token: entry.token.address,
    });
    const id = await paying.begin(terms);
    const amount = BigInt(units);
    const { timestamp } = await chain.head();
    const deposit = await signAuthorization(
      { chain, wallet, random },
      { subject: id, to: entry.contracts.channels, amount, validBefore: timestamp + 600 },
    );
    // The burner has gas and sends both: a wallet of the browser is asked for its signature alone.
    await open(chain, await openBurner({ storage, random }), { terms, amount, deposit });
    await paying.refresh(id);
    return terms;
  },
  promise: async (id, units) => voucherRecord(await (await payer()).promise(id, BigInt(units))),
  async remembered() {
    const records = (await payer()).list();
    return records.map(({ voucher }) => voucher && voucherRecord(voucher));
  },
};
Object.assign(globalThis, { bench });

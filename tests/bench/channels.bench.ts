import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayee } from '#lib/pay/payee.ts';
import type { ChannelId } from '#lib/pay/spec.ts';
import { channelIdOf, sessionTerms } from '#lib/pay/terms.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createVoucherSigner, voucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { openChain } from './paid/chain.ts';
import { median, spread, type Row } from './row.ts';

const channels = 2_000;
const checks = 20_000;
const runs = 9;

/** What asking whether a payer may be served costs before each chunk, when it has 2,000 channels. Processor time. */
export default async function channelsBench(): Promise<readonly Row[]> {
  const chain = openChain();
  const { entry } = chain;
  const key = drawKey(systemRandom);
  const { address } = localWallet(key);
  const provider = localWallet(drawKey(systemRandom)).address;
  const payee = await createPayee({
    store: createVoucherStore(createMemoryStorage()),
    clock: systemClock,
    chain,
    time: createChainTime(chain, systemClock),
    provider,
    providerSigner: provider,
    depositMin: 1n,
  });
  const vouchers = createVoucherSigner(entry);
  const parties = {
    payer: address,
    payerSigner: address,
    provider,
    providerSigner: provider,
    token: entry.token.address,
  };
  const ids: ChannelId[] = [];
  for (let n = 0; n < channels; n++) {
    const terms = sessionTerms(systemRandom, parties);
    ids.push(await payee.admit(terms));
    await payee.receive(voucherRecord(await vouchers.sign(key, channelIdOf(terms), 10n)));
  }
  const values: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = process.cpuUsage();
    for (let n = 0; n < checks; n++) payee.checkMayServe(ids[n % channels]!, { perPayerMax: 1_000_000n });
    const { user, system } = process.cpuUsage(before);
    // The first run warms the compiler up.
    if (run > 0) values.push((user + system) / 1_000 / checks);
  }
  return [
    {
      what: 'asking whether a payer with 2,000 channels may be served',
      value: `${median(values).toFixed(4)} ms`,
      goal: '0.05 ms at most',
      note: `processor time; ${spread(values, 4)} of ${checks}`,
    },
  ];
}

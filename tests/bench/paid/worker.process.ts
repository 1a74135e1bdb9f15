import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { sessionTerms, channelIdOf, delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherSigner, voucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { installNativeCrypto } from '../../../relay/native-crypto.ts';
import { model } from '../../integration/peer/ground.ts';
import { funds, openChain } from './chain.ts';
import { collectGarbage } from './garbage.ts';

/** A worker with a till and 2,000 channels: at 1,001 and 100 tokens a second for nothing, at 1,000 and 101 for a price. */
const [number, relay] = process.argv.slice(2);
const channels = 2_000;
installNativeCrypto();
const [clock, random, logger, storage] = [systemClock, systemRandom, silentLogger, createMemoryStorage()];
const chain = openChain();
const provider = localWallet(drawKey(random)).address;
const time = createChainTime(chain, clock);
const store = createVoucherStore(storage);
const payee = await createPayee({ store, clock, chain, time, provider, providerSigner: provider, depositMin: 1n });
const key = drawKey(random);
const payer = localWallet(key).address;
const token = chain.entry.token.address;
const parties = { payer, payerSigner: payer, provider, providerSigner: provider, token };
const vouchers = createVoucherSigner(chain.entry);
for (let n = 0; n < channels; n++) {
  const terms = sessionTerms(random, parties);
  await payee.admit(terms);
  await payee.receive(voucherRecord(await vouchers.sign(key, channelIdOf(terms), 10n)));
}
const address = provider.toLowerCase() as `0x${string}`;
const payout = { chain: chain.entry.id, provider: address, providerSigner: address, delay: delayMin, depositMin: '1' };
const till = createTill([{ payee, perPayerMax: funds, payout }]);
const seed = new Uint8Array(32).fill(Number(number));
const net = createLibp2pNet({ clock, random, logger, seed, relays: () => [relay!], transports: 'node' });
const signer = createSigner(seed);
const peer = await createPeer({ clock, random, logger, net, storage, signer, till, role: 'tab', discovery: 'client' });
await peer.start();
for (const rate of [1_001, 100]) peer.provider.offerModel(await model({ answerTokens: 5_000, slots: 16 }, rate));
for (const rate of [1_000, 101]) {
  const price = { in: '1000000', out: '2000000' };
  peer.provider.offerModel(await model({ answerTokens: 5_000, slots: 16 }, rate), { price });
}
process.on('message', ({ garbage }: { readonly garbage: 'collected' | 'kept' }) => {
  if (garbage === 'collected') collectGarbage();
  const { user, system } = process.cpuUsage();
  process.send?.({ usedMs: (user + system) / 1_000 });
});
process.send?.({ peer: peer.self });

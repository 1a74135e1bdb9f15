import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createExit } from '#lib/pay/exit.ts';
import { createPayer } from '#lib/pay/payer.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createSessionKey, listSessionKeys } from '#lib/pay/wallet/session-key.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { initialJob, reduceJob } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createNodeEd25519 } from '../../relay/ed25519.ts';
import { loadSeed } from '../../relay/node/identity.ts';
import { openSqliteStorage } from '../../relay/storage/sqlite.ts';

/**
 * An asker with a purse, as a process that can be killed: what it owes is in its folder. `ask` runs one job at a provider and tells
 * each part, at the one that is named if one is, `ask-hub` does so at a hub, `leave` announces the withdrawal of every channel, `withdraw` takes home what is due, `promised` says what it has promised.
 */
const [command, folder, relayAddress, rpcUrl, walletKey, provider] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  `0x${string}`,
  string?,
];
const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

installEd25519(createNodeEd25519());
const [clock, random, logger] = [systemClock, systemRandom, silentLogger];
const storage = openSqliteStorage(join(folder, 'asker.db'));
const chain = createChain(
  { clock, fetch },
  { entry: { ...deployedChain(31337), rpcUrl }, limits: { pollMs: 20, requestTimeoutMs: 5_000 } },
);
const time = createChainTime(chain, clock);
const now = await time.current();
const { records: keys } = await listSessionKeys(storage);
const key =
  keys[0] ?? (await createSessionKey({ storage, random }, { limit: 100_000_000n, expiresAt: now + 864_000, now }));
const payer = await createPayer({ store: createVoucherStore(storage), clock, chain, time, key });
const wallet = localWallet(walletKey);

if (command === 'ask' || command === 'ask-hub') {
  const purse = createPurse(
    { chains: [{ chain, time, payer, wallet, sender: wallet }], random },
    {
      perJobMax: 2_000_000n,
      perProviderMax: 8_000_000n,
      depositsMax: 16_000_000n,
      jobsPerDeposit: 2n,
      sponsorFeeMax: 0n,
    },
  );
  const seed = await loadSeed(folder, 'asker.key');
  const net = createLibp2pNet({
    clock,
    random,
    logger,
    seed,
    transports: 'node',
    insecureDial: 'allow',
    relays: () => [relayAddress],
  });
  const parts = { clock, random, logger, storage, net, purse };
  const peer = await createPeer({ ...parts, signer: createSigner(seed), role: 'tab', discovery: 'client' });
  await peer.start();
  const isHub = ({ offer }: { readonly offer: { readonly models: readonly { readonly hub?: true | undefined }[] } }) =>
    offer.models.some(({ hub }) => hub);
  const through = async (): Promise<Partial<AskRequest>> => {
    // Providers cost less than the hub.
    const priceMax = { in: '500000000', out: '1000000000' };
    if (command === 'ask') return { priceMax, ...(provider ? { only: [provider] } : {}) };
    for (;;) {
      const found = peer.directory.entries().find(isHub);
      if (found) return { only: [found.offer.peer] };
      await clock.delay(50, { signal: AbortSignal.timeout(30_000) });
    }
  };
  const request: AskRequest = {
    kind: 'chat',
    model: { name: 'tabloom-demo' },
    input: { messages: [{ role: 'user', content: 'Tell me a long story about the sea.' }] },
    params: { maxTokens: 400, temperature: 0 },
    tier: 'open',
    budget: '2000000',
    ...(await through()),
  } as unknown as AskRequest;
  let state = initialJob;
  for await (const event of peer.consumer.ask(request, { signal: AbortSignal.timeout(60_000) })) {
    state = reduceJob(state, event);
    if (event.type === 'worker-chosen') tell({ type: 'worker', peer: event.worker.peer });
    if (event.type === 'part-received') tell({ type: 'part', tokens: state.tokens });
  }
  const { phase, text, cost, error, attempts } = state;
  const receipts = attempts.map(({ settlement }) => settlement?.receiptCheck.payment);
  tell({ type: 'over', phase, text, cost: cost?.total ?? '0', error: error?.code, receipts });
  await peer.stop();
} else {
  const signer = localWallet(key.privateKey);
  const exit = createExit({ chain, clock, time, payer, signer, sender: wallet, logger });
  if (command === 'leave') for (const { id } of payer.list()) await exit.leave(id);
  if (command === 'withdraw') await exit.round();
}
const promised = await Promise.all(payer.list().map(async ({ id }) => (await payer.state(id)).promised));
tell({ type: 'promised', units: promised.reduce((sum, one) => sum + one, 0n).toString() });
storage.close();
// What WebRTC's library still has open keeps a process alive now and then; what it had to say has been said.
process.stdout.write('', () => process.exit(0));

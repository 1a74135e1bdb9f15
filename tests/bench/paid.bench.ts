import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayer, type Payer } from '#lib/pay/payer.ts';
import { createPurse } from '#lib/pay/purse.ts';
import type { Address } from '#lib/pay/spec.ts';
import { sessionTerms } from '#lib/pay/terms.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { installNativeCrypto } from '../../relay/native-crypto.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { chat, knows, run } from '../integration/peer/ground.ts';
import { file } from './gateway/field.ts';
import { funds, openChain } from './paid/chain.ts';
import { collectGarbage } from './paid/garbage.ts';
import { median, quartiles, spread, type Row } from './row.ts';

const warmups = 20;
const pairs = 60;
/** As many as a worker takes from one asker at once. */
const streams = 4;
/** A pair is one half for nothing and one for a price, whichever first in turns. */
const speedPairs = { pairs: 3, warmups: 0, tokens: 400, rates: { free: 100, paid: 101 } } as const;
/** Short and many, and fast: what a chunk adds is then not lost in what a second costs besides. */
const processorPairs = { pairs: 15, warmups: 1, tokens: 1_000, rates: { free: 1_001, paid: 1_000 } } as const;
/** Of the asker; the worker has as many. */
const channels = 2_000;

/** What paying adds to a job, in turns with the same job for nothing, between two processes over libp2p on loopback. */
export default async function paid(): Promise<readonly Row[]> {
  installNativeCrypto();
  const relay = await startRelay({ native: 'no-native' });
  const { peer: relayId } = (await (await fetch(`${relay.url}/relay.json`)).json()) as { readonly peer: string };
  const address = `/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/${relayId}`;
  const worker = fork(file('../paid/worker.process.ts'), ['74', address]);
  let asker: Peer | undefined;
  try {
    const [{ peer }] = (await once(worker, 'message')) as [{ readonly peer: string }];
    asker = await startAsker(75, address);
    await knows(asker, peer);
    const first = await measureFirst(asker);
    const used = await measurePairs(asker, worker, processorPairs);
    const paced = await measurePairs(asker, worker, speedPairs);
    return [
      {
        what: 'added to the first token by paying',
        value: `${median(first).toFixed(1)} ms`,
        goal: '≤ 5 ms',
        note: spread(first, 1).replace('runs', 'pairs'),
      },
      {
        what: 'tokens/s at 100/s, paid ÷ free',
        value: median(paced.map(({ speed }) => speed)).toFixed(3),
        goal: '≥ 0.99',
        note: `${streams} streams; ${spread(
          paced.map(({ speed }) => speed),
          3,
        )}`,
      },
      {
        what: 'processor time that a paid chunk adds, 2,000 channels: worker; asker',
        value: `${median(used.map((one) => one.worker)).toFixed(2)}; ${median(used.map((one) => one.asker)).toFixed(2)} ms`,
        goal: '≤ 1 ms a side',
        note: `quartiles of ${used.length} pairs: ${quartiles(
          used.map((one) => one.worker),
          2,
        )}; ${quartiles(
          used.map((one) => one.asker),
          2,
        )}`,
      },
    ];
  } finally {
    await asker?.stop();
    worker.kill('SIGKILL');
    await relay.dispose();
  }
}

type Price = 'free' | 'paid';

async function startAsker(number: number, relay: string): Promise<Peer> {
  const seed = new Uint8Array(32).fill(number);
  const [clock, random, logger, storage] = [systemClock, systemRandom, silentLogger, createMemoryStorage()];
  const chain = openChain();
  const now = Math.floor(clock.now() / 1_000);
  const key = await createSessionKey({ storage, random }, { limit: funds, expiresAt: now + 3_600, now });
  const time = createChainTime(chain, clock);
  const payer = await createPayer({ store: createVoucherStore(storage), clock, chain, time, key });
  const wallet = localWallet(drawKey(random));
  await openChannels(payer, wallet.address, chain.entry.token.address);
  const purse = createPurse(
    { chains: [{ chain, time, payer, wallet, sender: wallet }], random },
    { perJobMax: funds, perProviderMax: funds, depositsMax: 2n * funds, jobsPerDeposit: 100n, sponsorFeeMax: 0n },
  );
  const net = createLibp2pNet({ clock, random, logger, seed, relays: () => [relay], transports: 'node' });
  const signer = createSigner(seed);
  const peer = await createPeer({
    clock,
    random,
    logger,
    net,
    storage,
    signer,
    purse,
    role: 'tab',
    discovery: 'client',
  });
  await peer.start();
  return peer;
}

/** Channels to other providers, with a promise on each. */
async function openChannels(payer: Payer, address: Address, token: Address): Promise<void> {
  for (let n = 0; n < channels; n++) {
    const provider = localWallet(drawKey(systemRandom)).address;
    const parties = { payer: address, payerSigner: payer.key.address, provider, providerSigner: provider, token };
    const id = await payer.begin(sessionTerms(systemRandom, parties));
    await payer.observe(id, { balance: 10n, claimed: 0n, withdrawableAt: 0 });
    await payer.promise(id, 10n);
  }
}

/** The model of this rate that costs something, or nothing. @returns ms to the first token, tokens/s. */
async function ask(asker: Peer, rate: number, price: Price, maxTokens: number) {
  const terms = { model: { artefact: scriptedModel(rate).artefact }, params: { maxTokens, temperature: 0 } };
  const budget = price === 'paid' ? { budget: '1000000' } : {};
  const startedMs = performance.now();
  let firstMs: number | undefined;
  const state = await run(asker.consumer, chat('hello', { ...terms, ...budget } as Partial<AskRequest>), {
    onEvent: ({ type }) => void (type === 'part-received' && (firstMs ??= performance.now() - startedMs)),
  });
  if (state.phase !== 'finished') throw new Error(`an answer ended as ${state.phase}: ${state.error?.code}`);
  if ((state.cost !== undefined) !== (price === 'paid')) throw new Error(`a ${price} job cost ${state.cost?.total}`);
  return { firstMs: firstMs!, perSecond: state.tokens / ((performance.now() - startedMs - firstMs!) / 1_000) };
}

async function measureFirst(asker: Peer): Promise<readonly number[]> {
  const added: number[] = [];
  for (let pair = 0; pair < warmups + pairs; pair++) {
    const free = await ask(asker, 1_001, 'free', 1);
    const paid = await ask(asker, 1_000, 'paid', 1);
    if (pair >= warmups) added.push(paid.firstMs - free.firstMs);
  }
  return added;
}

/** What the worker's process has used so far, in ms, once it has collected its garbage where that is wanted. */
async function usageOf(worker: ChildProcess, garbage: 'collected' | 'kept'): Promise<number> {
  const answer = once(worker, 'message');
  worker.send({ garbage });
  const [{ usedMs }] = (await answer) as [{ readonly usedMs: number }];
  return usedMs;
}

async function measurePairs(
  asker: Peer,
  worker: ChildProcess,
  { pairs, warmups, tokens, rates }: typeof speedPairs | typeof processorPairs,
) {
  const play = async (price: Price) => {
    // Neither half pays for what the other has left lying about.
    collectGarbage();
    const before = { worker: await usageOf(worker, 'collected'), own: process.cpuUsage() };
    const rate = rates[price];
    const all = await Promise.all(Array.from({ length: streams }, () => ask(asker, rate, price, tokens)));
    const { user, system } = process.cpuUsage(before.own);
    return {
      perSecond: median(all.map(({ perSecond }) => perSecond)) / rate,
      worker: (await usageOf(worker, 'kept')) - before.worker,
      asker: (user + system) / 1_000,
    };
  };
  const chunks = (streams * tokens) / limits.unpaidTokensMax;
  const measured: { readonly speed: number; readonly worker: number; readonly asker: number }[] = [];
  for (let pair = 0; pair < warmups + pairs; pair++) {
    // What drifts in a pair is then for the one as often as for the other.
    const early = pair % 2 === 0 ? undefined : await play('paid');
    const free = await play('free');
    const paid = early ?? (await play('paid'));
    // The first ones warm the compiler up.
    if (pair < warmups) continue;
    measured.push({
      speed: paid.perSecond / free.perSecond,
      worker: (paid.worker - free.worker) / chunks,
      asker: (paid.asker - free.asker) / chunks,
    });
  }
  return measured;
}

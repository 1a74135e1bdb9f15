import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { until } from '#lib/peer/peer.fixture.ts';
import { createTown, hubPrice, providerPrice } from './hub.fixture.ts';

/** What a chunk of output costs, and the input of these jobs. */
const chunkOf = ({ out }: { readonly out: string }) => (BigInt(out) * BigInt(limits.unpaidTokensMax)) / 1_000_000n;
const input = 2n;

test('a provider is paid by the chunk out of what the asker pays, and each leg has its own receipt', async () => {
  const { clock, ask, sums, hub, directory } = await createTown();
  const job = ask();
  await until(clock, () => job.over);
  const { phase, usage, attempts, cost } = job.state;
  expect(phase).toBe('finished');
  const { tokensOut } = usage!;
  expect(tokensOut).toBe(300);
  expect(sums()).toEqual({ paid: 903n, passedOn: 602n, received: [602n] });
  expect(cost?.total).toBe('903');
  expect(attempts[0]?.settlement?.receiptCheck).toMatchObject({ counts: true, payment: true, output: true });
  expect(directory.get(hub.net.self)?.offer.models[0]).toMatchObject({ hub: true, price: hubPrice });
});

test('at any moment the hub has promised no more than was promised to it, and holds a chunk and its margin at most', async () => {
  const { clock, ask, sums } = await createTown();
  const job = ask();
  let most = 0n;
  await until(clock, () => {
    const { paid, passedOn } = sums();
    expect(passedOn).toBeLessThanOrEqual(paid);
    const margin = paid - (paid * BigInt(providerPrice.out)) / BigInt(hubPrice.out);
    if (paid - passedOn - margin > most) most = paid - passedOn - margin;
    return job.over;
  });
  expect(most).toBeLessThanOrEqual(chunkOf(providerPrice) + input + 1n);
});

test('no leg waits for the other to be asked: without a margin, and with payments under way, the answer goes on', async () => {
  for (const latencyMs of [5, 40]) {
    const { clock, ask, network, sums } = await createTown({ answerTokens: 500, price: providerPrice });
    network.setConditions({ latencyMs });
    const startedMs = clock.elapsed();
    const job = ask();
    await until(clock, () => job.over);
    expect(job.state.usage?.tokensOut).toBe(500);
    expect(sums()).toMatchObject({ paid: 1_002n, passedOn: 1_002n });
    // Five seconds of tokens, and two until the clock alone asks for the last; each wait in between would be two more.
    expect(clock.elapsed() - startedMs).toBeLessThan(8_000);
  }
});

test('an asker that stops paying is starved, and the hub pays the provider for nothing more', async () => {
  const { clock, ask, sums, askerPurse, providers } = await createTown();
  const job = ask();
  await until(clock, () => job.state.tokens > 70);
  askerPurse.failing = 'session-expired';
  await until(clock, () => job.over);
  await clock.advance(20_000);
  const { paid, passedOn } = sums();
  expect(passedOn).toBeLessThanOrEqual(paid);
  const { tokensOut } = providers[0]!.provider.state;
  // Each is out by a chunk at most.
  expect(input + BigInt(tokensOut) * 2n - passedOn).toBeLessThanOrEqual(2n * chunkOf(providerPrice));
  expect(providers[0]!.provider.state.running).toBe(0);
});

test('an asker that goes away stops the provider, and both legs are closed', async () => {
  const { clock, ask, sums, askerPurse, hubPurse, hubTill, tills, providers } = await createTown();
  const job = ask();
  await until(clock, () => job.state.tokens > 100);
  job.cancel();
  await until(clock, () => job.over);
  await clock.advance(20_000);
  const { paid, passedOn } = sums();
  expect(passedOn).toBeLessThanOrEqual(paid);
  expect(providers[0]!.provider.state.running).toBe(0);
  expect([askerPurse, hubPurse, hubTill, ...tills].map(({ openJobs }) => openJobs)).toEqual([0, 0, 0, 0]);
});

test('a provider that is lost is followed by another within the same job, and each has what it delivered', async () => {
  const { clock, ask, sums, providers, tills } = await createTown({
    providers: 2,
    price: { in: '5000000', out: '5000000' },
  });
  const job = ask();
  await until(clock, () => job.state.tokens > 150);
  const first = providers.find(({ provider }) => provider.state.running > 0)!;
  first.provider.abandon();
  await first.net.stop();
  await until(clock, () => job.over, 60_000);
  expect(job.state.phase).toBe('finished');
  expect(job.state.attempts).toHaveLength(1);
  expect(job.state.usage?.tokensOut).toBe(300);
  expect(tills.every(({ total }) => total > 0n)).toBe(true);
  const { paid, passedOn } = sums();
  expect(passedOn).toBeLessThanOrEqual(paid);
});

test('a provider that does not take the payment fails the job and costs its asker nothing but the input', async () => {
  const { clock, ask, sums, tills } = await createTown();
  tills[0]!.refusing.open = 'closing';
  const job = ask();
  await until(clock, () => job.over);
  expect(job.state.phase).toBe('failed');
  expect(sums()).toEqual({ paid: 3n, passedOn: 0n, received: [0n] });
});

test('whoever does not pay the hub is refused before anybody is asked', async () => {
  const { clock, ask, sums, providers } = await createTown();
  const job = ask({ budget: undefined });
  await until(clock, () => job.over);
  expect(job.state.error?.code).toBe('price');
  expect(sums()).toEqual({ paid: 0n, passedOn: 0n, received: [0n] });
  expect(providers[0]!.provider.state.jobsRefused).toBe(0);
});

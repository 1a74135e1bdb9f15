import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Dispute } from '#lib/pay/court.ts';
import { createMemoryCourt } from '#lib/pay/court-memory.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import type { Address, LocalWallet } from '#lib/pay/spec.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { signEnvelope } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { courtRules } from '#contracts/words.ts';
import type { CountedVote, TrialEffect } from '#lib/trust/trial-state.ts';
import { signerOf } from '../../town.fixture.ts';
import type { AuditOutcomeEffect } from '../auditing.ts';
import { createCourtClerk, type CourtClerk, type CourtClerkComponents } from './clerk.ts';
import { courtPace } from './docket.ts';

const walletOf = (number: number): LocalWallet => localWallet(`0x${number.toString(16).padStart(64, '1')}`);
const receipt = 'c'.repeat(64);
const worker = signerOf(60).peer;
const hourMs = 3_600_000;
const [dayMs, stake] = [24 * hourMs, 1_000_000_000n];

/** A memory court in the time of the clock, a bonded provider, seven validators and an accuser with a clerk each. */
async function createTown() {
  const clock = manualClock();
  const now = () => Math.floor(clock.now() / 1_000);
  const court = createMemoryCourt({ entry: deployedChain(31_337), now });
  const provider = walletOf(60);
  court.stakes.add(provider.address, stake);
  const accounts = new Map<Address, string>([[provider.address, worker]]);
  let offered: Address | undefined = provider.address;
  const numbers = [20, 21, 22, 23, 24, 25, 26];
  for (const number of numbers) court.validators.set(walletOf(number).address, { since: 0, until: null });
  const log: string[] = [];
  const logger = (number: number): Logger => {
    const write = (event: string, details: Readonly<Record<string, unknown>> = {}) =>
      void log.push([number, event, details['dispute'] ?? details['code'] ?? ''].join(' ').trim());
    return { info: write, warn: write } as Partial<Logger> as Logger;
  };
  const storages = new Map<number, ReturnType<typeof createMemoryStorage>>();
  const join = async (number: number, change: Partial<CourtClerkComponents> = {}) => {
    const storage = storages.get(number) ?? createMemoryStorage();
    storages.set(number, storage);
    const clerk = createCourtClerk({
      self: signerOf(number).peer,
      court,
      wallet: walletOf(number),
      accounts: {
        offered: () => offered,
        names: async (account, peer) => accounts.get(account) === peer,
      },
      chainNow: async () => now(),
      storage,
      clock,
      logger: logger(number),
      intervalMs: 30 * 60_000,
      ...change,
    });
    await clerk.start();
    return clerk;
  };
  const fund = (number: number, units = stake) => court.balances.add(walletOf(number).address, units);
  return {
    clock,
    court,
    provider,
    accounts,
    numbers,
    log,
    join,
    fund,
    offerNothing: () => (offered = undefined),
    dispute: (id: number): Promise<Dispute> => court.dispute(BigInt(id)),
  };
}

const votesOf = (numbers: readonly number[], verdict: CountedVote['verdict']): CountedVote[] =>
  numbers.map((number) => ({ validator: signerOf(number).peer, verdict, commitment: '' }));

/** Of a trial of one accuser, with the votes that its last round counted. */
function effectsOf(accuser: number, audit = 'a'.repeat(64)) {
  const told =
    (counted: readonly CountedVote[] = []) =>
    (effect: TrialEffect): AuditOutcomeEffect => {
      const trial = {
        accusation: { audit, accuser: signerOf(accuser).peer, receipt: signEnvelope('receipt', 'a', signerOf(60)) },
        receipt: { worker },
        state: { terms: { receipt }, counted },
      };
      return { of: 'trial', effect, trial } as unknown as AuditOutcomeEffect;
    };
  return {
    begun: told()({ type: 'draw', after: 0 }),
    found: (votes: readonly CountedVote[]) =>
      told(votes)({ type: 'dispute', worker, receiptHash: receipt, evidence: { audit, votes } }),
    settled: (outcome: 'convicted' | 'cleared' | 'dismissed', votes: readonly CountedVote[] = []) =>
      told(votes)({ type: 'settled', outcome }),
  };
}

test('a conviction goes to the contract by itself: opened once for the whole bond, voted, concluded and collected', async () => {
  const town = await createTown();
  town.fund(40);
  const clerks = [];
  for (const number of [40, ...town.numbers]) clerks.push(await town.join(number));
  const trial = effectsOf(40);
  for (const one of clerks) {
    one.note(trial.begun);
    one.note(trial.found(votesOf([20, 21, 22], 'guilty')));
    one.note(trial.settled('convicted', votesOf([22, 23, 24, 25, 26], 'guilty')));
  }
  await town.clock.advance(hourMs);
  expect(await town.dispute(1)).toMatchObject({ penalty: stake, receiptHash: `0x${receipt}`, phase: 'answering' });
  await town.court.answer(town.provider, { id: 1n, answerHash: `0x${'d'.repeat(64)}` });
  await town.clock.advance(4 * hourMs);
  // Not yet: another dispute may be dearer.
  expect((await town.dispute(1)).guilty).toBe(0);
  await town.clock.advance(2 * hourMs);
  expect((await town.dispute(1)).guilty).toBe(7);
  await town.clock.advance((courtRules.voteWindow + courtRules.appealWindow) * 1_000 + hourMs);
  expect(await town.dispute(1)).toMatchObject({ phase: 'ended', outcome: 'guilty' });
  expect(town.court.stakes.of(town.provider.address)).toBe(0n);
  // A hundred million came back, and three tenths of the bond.
  expect(town.court.balances.of(walletOf(40).address)).toBeGreaterThan(stake + (stake * 29n) / 100n);
  expect(town.court.balances.of(walletOf(20).address)).toBeGreaterThan(0n);
  expect(town.log.filter((line) => line.includes('dispute-opened'))).toEqual(['40 dispute-opened 1']);
  await expect(town.dispute(2)).rejects.toMatchObject({ code: 'dispute-missing' });
  for (const one of clerks) await one.stop();
});

test('a provider that appeals to the contract is voted on by those of both rounds of its trial', async () => {
  const town = await createTown();
  town.fund(40);
  town.court.balances.add(town.provider.address, stake);
  for (const number of [40, ...town.numbers]) {
    const clerk = await town.join(number);
    const trial = effectsOf(40);
    clerk.note(trial.begun);
    clerk.note(trial.found(votesOf([20, 21, 22], 'guilty')));
    clerk.note(trial.settled('convicted', votesOf([22, 23, 24, 25, 26], 'guilty')));
  }
  await town.clock.advance((courtRules.answerWindow + courtRules.voteWindow) * 1_000 + hourMs);
  expect(await town.dispute(1)).toMatchObject({ phase: 'appealable', guilty: 7 });
  await town.court.appeal(town.provider, 1n);
  await town.clock.advance(courtRules.voteWindow * 1_000 + hourMs);
  expect(await town.dispute(1)).toMatchObject({ phase: 'ended', outcome: 'guilty', round: 2, guilty: 7 });
});

/** Seven clerks of a trial that three judged, and that was not appealed; the others look as they are told to. */
async function seeOnlyContractAppealed(judgeAppealed: (number: number) => CourtClerkComponents['judgeAppealed']) {
  const town = await createTown();
  town.fund(40);
  town.court.balances.add(town.provider.address, stake);
  const clerks = new Map<number, CourtClerk>();
  for (const number of [40, ...town.numbers]) {
    const clerk = await town.join(number, { judgeAppealed: judgeAppealed(number) });
    clerks.set(number, clerk);
    clerk.note(effectsOf(40).begun);
    clerk.note(effectsOf(40).settled('convicted', votesOf([20, 21, 22], 'guilty')));
  }
  const toAppeal = (courtRules.answerWindow + courtRules.voteWindow) * 1_000 + hourMs;
  await town.clock.advance(toAppeal);
  expect(await town.dispute(1)).toMatchObject({ phase: 'appealable', guilty: 3 });
  const isAppealed = () => clerks.get(40)!.isAppealed('a'.repeat(64));
  expect(isAppealed()).toBe(false);
  await town.court.appeal(town.provider, 1n);
  await town.clock.advance(hourMs);
  expect(isAppealed()).toBe(true);
  await town.clock.advance(courtRules.voteWindow * 1_000);
  expect(isAppealed()).toBe(false);
  return town;
}

test('a conviction that is appealed to the contract alone is judged by those who had not been seated too', async () => {
  const looked: number[] = [];
  const town = await seeOnlyContractAppealed((number) => async ({ audit, accuser, receipt: { type } }) => {
    expect({ audit, accuser, type }).toEqual({ audit: 'a'.repeat(64), accuser: signerOf(40).peer, type: 'receipt' });
    looked.push(number);
    if (number === 26) return 'undecided';
    // Its accuser is away for a while.
    if (looked.filter((one) => one === number).length < 3) throw new Error('not shown');
    return number === 25 ? 'innocent' : 'guilty';
  });
  expect(await town.dispute(1)).toMatchObject({ phase: 'ended', outcome: 'guilty', round: 2, guilty: 5, innocent: 1 });
  expect(town.court.stakes.of(town.provider.address)).toBe(0n);
  expect(looked.filter((one) => one === 26)).toEqual([26]);
  expect(new Set(looked)).toEqual(new Set([23, 24, 25, 26]));
});

test('where nobody is shown the answer an appeal to the contract finds three judges, and they are not five', async () => {
  const town = await seeOnlyContractAppealed(() => () => Promise.reject(new Error('not shown')));
  expect(await town.dispute(1)).toMatchObject({ phase: 'ended', outcome: 'dismissed', round: 2, guilty: 3 });
});

test('what a gateway beside the relay accused is taken to the contract by the relay, which tells it of an appeal', async () => {
  const town = await createTown();
  town.fund(40);
  town.court.balances.add(town.provider.address, stake);
  const told: (readonly string[])[] = [];
  const change = { gateways: [signerOf(41).peer], onAppealed: (audits: readonly string[]) => void told.push(audits) };
  for (const number of [40, 20, 21, 22]) {
    const clerk = await town.join(number, number === 40 ? change : {});
    clerk.note(effectsOf(41).begun);
    clerk.note(effectsOf(41).settled('convicted', votesOf([20, 21, 22], 'guilty')));
  }
  await town.clock.advance((courtRules.answerWindow + courtRules.voteWindow) * 1_000 + hourMs);
  expect(await town.dispute(1)).toMatchObject({ challenger: walletOf(40).address, phase: 'appealable', guilty: 3 });
  expect(told.flat()).toEqual([]);
  await town.court.appeal(town.provider, 1n);
  await town.clock.advance(hourMs);
  expect(told.at(-1)).toEqual(['a'.repeat(64)]);
  await town.clock.advance(courtRules.voteWindow * 1_000 + hourMs);
  expect(told.at(-1)).toEqual([]);
});

test('a friend that disputes for the least is not voted on, and the accuser disputes for all', async () => {
  const town = await createTown();
  town.fund(40);
  town.fund(41);
  const { minimum } = await town.court.penaltyRange(town.provider.address);
  const accusation = { provider: town.provider.address, receiptHash: `0x${receipt}`, penalty: minimum } as const;
  await town.court.open(walletOf(41), accusation);
  await town.court.answer(town.provider, { id: 1n, answerHash: `0x${'d'.repeat(64)}` });
  for (const number of [40, 20, 21, 22]) {
    const clerk = await town.join(number);
    clerk.note(effectsOf(40).begun);
    clerk.note(effectsOf(40).settled('convicted', votesOf([20, 21, 22], 'guilty')));
  }
  await town.clock.advance((courtRules.answerWindow + courtRules.voteWindow) * 1_000 + hourMs);
  expect(await town.dispute(1)).toMatchObject({ guilty: 0 });
  expect(await town.dispute(2)).toMatchObject({ penalty: stake, guilty: 3, phase: 'appealable' });
});

test('a dispute for no less runs already: the accuser opens none beside it', async () => {
  const town = await createTown();
  town.fund(40);
  town.fund(41);
  await town.court.open(walletOf(41), {
    provider: town.provider.address,
    receiptHash: `0x${receipt}`,
    penalty: stake,
  });
  const clerk = await town.join(40);
  clerk.note(effectsOf(40).begun);
  clerk.note(effectsOf(40).settled('convicted'));
  await town.clock.advance(dayMs);
  expect(town.court.balances.of(walletOf(40).address)).toBe(stake);
});

test('who accuses an honest worker at the contract pays for it, and is concluded where it does not do that itself', async () => {
  const town = await createTown();
  town.fund(41);
  for (const number of [20, 21, 22]) {
    const clerk = await town.join(number);
    clerk.note(effectsOf(41).begun);
    clerk.note(effectsOf(41).settled('cleared', votesOf([20, 21, 22], 'innocent')));
  }
  await town.court.open(walletOf(41), {
    provider: town.provider.address,
    receiptHash: `0x${receipt}`,
    penalty: stake,
  });
  await town.clock.advance((courtRules.answerWindow + courtRules.voteWindow) * 1_000 + 26 * hourMs);
  expect(await town.dispute(1)).toMatchObject({ phase: 'ended', outcome: 'innocent', innocent: 3 });
  expect(await town.court.owed(town.provider.address)).toBeGreaterThan(0n);
  expect(town.court.balances.of(walletOf(41).address)).toBe(stake - stake / 10n);
  expect(await town.court.owed(walletOf(41).address)).toBe(0n);
});

test('a restart at any step neither repeats nor loses it', async () => {
  const town = await createTown();
  town.fund(40);
  const trial = effectsOf(40);
  const everybody = [40, 20, 21, 22];
  let clerks = await Promise.all(everybody.map((number) => town.join(number)));
  const restart = async () => {
    for (const one of clerks) await one.stop();
    clerks = await Promise.all(everybody.map((number) => town.join(number)));
  };
  for (const one of clerks) one.note(trial.begun);
  await town.clock.advance(1);
  await restart();
  for (const one of clerks) one.note(trial.settled('convicted', votesOf([20, 21, 22], 'guilty')));
  for (let hour = 0; hour < 15 * 24; hour += 8) {
    await restart();
    // A validator's journal tells the last days again.
    if (hour < 72)
      for (const one of clerks) {
        one.note(trial.begun);
        one.note(trial.settled('convicted', votesOf([20, 21, 22], 'guilty')));
      }
    await town.clock.advance(8 * hourMs);
  }
  expect(await town.dispute(1)).toMatchObject({ phase: 'ended', outcome: 'guilty', guilty: 3 });
  await expect(town.dispute(2)).rejects.toMatchObject({ code: 'dispute-missing' });
  expect(town.log.filter((line) => line.includes('dispute-voted')).sort()).toEqual([
    '20 dispute-voted 1',
    '21 dispute-voted 1',
    '22 dispute-voted 1',
  ]);
});

test('an opening whose end was not heard is looked up before it is tried again', async () => {
  const town = await createTown();
  town.fund(40);
  let opened = 0;
  const { court } = town;
  const clerk = await town.join(40, {
    court: {
      ...court,
      open: async (...given) => {
        opened += 1;
        await court.open(...given);
        throw new Error('no answer');
      },
    },
  });
  clerk.note(effectsOf(40).begun);
  clerk.note(effectsOf(40).settled('convicted'));
  await town.clock.advance(dayMs);
  expect(opened).toBe(1);
});

test('two convictions of one worker are one dispute at a time', async () => {
  const town = await createTown();
  town.fund(40);
  const clerk = await town.join(40);
  for (const audit of ['a'.repeat(64), 'b'.repeat(64)]) {
    clerk.note(effectsOf(40, audit).begun);
    clerk.note(effectsOf(40, audit).settled('convicted'));
  }
  await town.clock.advance(dayMs);
  await expect(town.dispute(2)).rejects.toMatchObject({ code: 'dispute-missing' });
});

test('nobody is judged by the receipt of another, and a worker that changes its account keeps the bond of before', async () => {
  const town = await createTown();
  town.fund(41);
  const other = walletOf(61);
  town.court.stakes.add(other.address, stake);
  const clerks = await Promise.all([20, 21, 22].map((number) => town.join(number)));
  const trial = effectsOf(40);
  for (const one of clerks) one.note(trial.begun);
  await town.clock.advance(hourMs);
  // The convicted worker has the registry name another account now.
  town.accounts.clear();
  town.accounts.set(other.address, worker);
  town.offerNothing();
  for (const one of clerks) one.note(trial.settled('convicted', votesOf([20, 21, 22], 'guilty')));
  for (const provider of [other.address, town.provider.address])
    await town.court.open(walletOf(41), { provider, receiptHash: `0x${receipt}`, penalty: stake });
  await town.clock.advance((courtRules.answerWindow + courtRules.voteWindow) * 1_000 - hourMs);
  expect((await town.dispute(1)).guilty).toBe(0);
  expect((await town.dispute(2)).guilty).toBe(3);
});

test('too little for the counter-bond is told, tried again, and opens once there is enough', async () => {
  const town = await createTown();
  const clerk = await town.join(40);
  clerk.note(effectsOf(40).begun);
  clerk.note(effectsOf(40).settled('convicted'));
  await town.clock.advance(hourMs);
  expect(new Set(town.log)).toEqual(new Set(['40 court-step-failed insufficient-funds']));
  // Not each minute.
  expect(town.log.length).toBeLessThanOrEqual(4);
  town.fund(40);
  await town.clock.advance(hourMs);
  expect(town.log.at(-1)).toBe('40 dispute-opened 1');
});

test('a trial that was dismissed, and one that is old, are no case', async () => {
  const town = await createTown();
  town.fund(40);
  const clerk = await town.join(40);
  clerk.note(effectsOf(40).begun);
  clerk.note(effectsOf(40).settled('dismissed'));
  await town.clock.advance(dayMs);
  expect(town.log).toEqual([]);
  town.offerNothing();
  clerk.note(effectsOf(40, 'b'.repeat(64)).begun);
  clerk.note(effectsOf(40, 'b'.repeat(64)).settled('convicted'));
  await town.clock.advance(hourMs);
  await clerk.stop();
  await town.clock.advance(courtPace.keptMs);
  const later = await town.join(40);
  await town.clock.advance(hourMs);
  expect(town.log).toEqual([]);
  await later.stop();
});

import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { classOf } from '#lib/peer/audit/trials.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Part } from '#lib/protocol/part.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { ownChain } from '#lib/trust/beacon.fixture.ts';
import { createDrandBeacon } from '#lib/trust/drand.ts';
import type { TrialOutcome } from '#lib/trust/trial-state.ts';
import { openReceipt } from '#lib/trust/receipt.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { eventually } from '../integration/peer/ground.ts';
import { judgeByRows } from '#lib/peer/audit/judge.ts';
import { appealsOnlyOnChain, mannerOf, manners, type Manner } from './cheats.ts';
import { seeCourtDays, type CourtReport } from './court-days.ts';
import { openTownCourt, type TownCourt } from './on-chain.ts';
import { joinTown, peerOf, type Town, type TownPeer } from './peers.ts';
import { openTownEngines, type TownEngines } from './town-engines.ts';
import {
  costOf,
  outcomesOf,
  reportOf,
  type AuditCost,
  type Case,
  type FollowedAnswer,
  type TownReport,
  type TownTrial,
} from './town-report.ts';
import { answerTokensMax } from './workers.ts';

/**
 * A relay as a process of its own, and over libp2p on loopback seven validators, honest workers, cheats, an auditor of each and one
 * who accuses falsely: whole peers, in this process, with one llama.cpp between most of them. Hours are seconds, the beacon is its own, and so is the
 * chain, to which each takes what it has found by itself.
 */
export interface TownOptions {
  /** Of each worker, with its auditor. */
  readonly jobs: number;
  readonly say: (line: string) => void;
}

const validatorNumbers = [20, 21, 22, 23, 24, 25, 26];
const firstWorker = 60;
const firstAuditor = 100;
const harmfulNumber = 120;
/** An epoch, its round, two panels and their windows, if all of them run to their end. */
const waitSecondsMax = 360;
/** These two judge with the kernels of another processor than the others. */
const withOtherKernels: readonly number[] = validatorNumbers.slice(0, 2);

export interface TownOutcome extends TownReport {
  readonly onChain: CourtReport;
  readonly cost: { readonly greedy: AuditCost; readonly sampled: AuditCost };
}

export async function playTown({ jobs, say }: TownOptions): Promise<TownOutcome> {
  const startedAt = systemClock.elapsed();
  const tell = (line: string) => say(`${Math.round((systemClock.elapsed() - startedAt) / 1_000)} s: ${line}`);
  const joined: TownPeer[] = [];
  const kinds = Object.keys(manners) as Manner[];
  const court = await openTownCourt({
    validators: validatorNumbers.map(peerOf),
    workers: kinds.map((_, at) => peerOf(firstWorker + at)),
    accusers: [...kinds.map((_, at) => peerOf(firstAuditor + at)), peerOf(harmfulNumber)],
  });
  tell('The contracts are on a chain.');
  const llama = await openTownEngines(questions);
  tell('Models are loaded, and wllama has answered in Chromium.');
  const measured = async (temperature: number) =>
    costOf(await llama.measure(questions.map((content) => requestOf(content, temperature)) as never));
  const cost = { greedy: await measured(0), sampled: await measured(1) };
  const relay = await startRelay({ native: 'no-native' });
  try {
    const town = await groundOf(relay, llama, court);
    const join = async (...given: [number, Parameters<typeof joinTown>[2]?]) => {
      const one = await joinTown(given[0], town, given[1]);
      joined.push(one);
      return one;
    };
    const validators: TownPeer[] = [];
    for (const number of validatorNumbers)
      validators.push(await join(number, withOtherKernels.includes(number) ? { scorer: llama.otherKernelScorer } : {}));
    const cases: Case[] = [];
    for (const [at, manner] of kinds.entries()) {
      const { peer } = await join(firstWorker + at, { commits: true, appeals: !appealsOnlyOnChain(manner) });
      const ofManner = mannerOf(manner);
      const doStream = llama.inTurn(ofManner.stream(llama));
      const engine = ofManner.engine?.(llama) ?? llama.loaded.engine;
      peer.provider.offerModel({ ...llama.loaded, engine, slots: 1, doStream, score: undefined as never });
      // Those who are honest accuse nobody: one asks all of them.
      const asker = (ofManner.isHonest && cases[0]?.asker) || (await join(firstAuditor + at));
      cases.push({ manner, worker: peer.self, asker, isHarmful: false, followed: [] });
    }
    const [honest] = cases;
    const liar = await join(harmfulNumber, { judge: () => ({ verdict: 'failed', margin: 9 }) });
    cases.push({ ...honest!, asker: liar, isHarmful: true, followed: [] });
    for (const { asker, worker } of cases) await eventually(() => asker.peer.directory.get(worker) !== undefined);
    tell(`${joined.length} peers have joined.`);

    for (const one of cases)
      for (const question of questionsFor(one, jobs)) one.followed.push(await askAndFollow(one, question));
    const count = cases.reduce((sum, { followed }) => sum + followed.length, 0);
    tell(`${count} jobs have been answered.`);
    const over = () => cases.reduce((sum, one) => sum + outcomesOf(one).length, 0);
    // Validators hear of the last vote a moment later than some.
    const tried = () =>
      cases.reduce((sum, one) => sum + outcomesOf(one).filter((name) => ofTrials.has(name)).length, 0);
    const isOver = () => over() === count && validators.every((one) => settledBy(one) === tried());
    for (let waited = 0, told = 0; !isOver() && waited < waitSecondsMax; waited++) {
      await systemClock.delay(1_000);
      if (over() > told) tell(`${(told = over())} of ${count} audits are over.`);
    }
    const report = reportOf(cases, validators);
    const halt = async () => void (await Promise.all(joined.map((one) => one.halt())));
    return { ...report, cost, onChain: await seeCourtDays(court, judgedOf(report.trials), { say: tell, halt }) };
  } finally {
    for (const one of joined.toReversed()) await one.stop();
    await relay.dispose();
    await llama.close();
    await court.stop();
  }
}

const judgedOf = (trials: readonly TownTrial[]) =>
  trials.filter(({ outcome }) => outcome === 'convicted' || outcome === 'cleared');

async function groundOf(
  relay: Awaited<ReturnType<typeof startRelay>>,
  llama: TownEngines,
  court: TownCourt,
): Promise<Town> {
  const { peer } = relayInfoSchema.parse(await (await fetch(`${relay.url}/relay.json`)).json());
  const own = ownChain({ genesis: Math.floor(systemClock.now() / 1_000) - 60, periodSeconds: 3 });
  const { engine } = llama.loaded;
  return {
    address: () => `/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/${peer}`,
    // One for all of them: a round is checked once for this process.
    beacon: createDrandBeacon({ chain: own.chain, sources: [own.source], clock: systemClock }),
    candidates: validatorNumbers.map((number) => ({ peer: peerOf(number), engineClass: classOf({ engine }) })),
    scorer: llama.scorer,
    judge: judgeByRows(llama.rows, () => engine),
    engine: `${engine.name} ${engine.build}`,
    court,
  };
}

const ofTrials: ReadonlySet<string> = new Set<TrialOutcome>(['convicted', 'cleared', 'dismissed', 'undecided']);
const settledBy = ({ effects }: TownPeer): number =>
  effects.filter((one) => one.of === 'trial' && one.effect.type === 'settled').length;

const questions = [
  'Tell me a story about the sea.',
  'Write about a small garden behind an old house.',
  'What is a lantern for?',
  'Describe a long winter in the mountains.',
  'How do I bake bread?',
  'Explain why the sky is blue.',
];
export const jobsMax = questions.length;

const requestOf = (content: string, temperature = 0) => ({
  kind: 'chat',
  input: { messages: [{ role: 'user', content }] },
  params: { maxTokens: answerTokensMax, temperature },
});

const questionsFor = ({ manner, isHarmful }: Case, jobs: number) =>
  questions.slice(0, isHarmful ? 1 : Math.min(jobs, mannerOf(manner).jobsMax ?? jobs));

/** Asks this worker alone, and follows the receipt to its audit. @throws where there is no answer in three tries. */
async function askAndFollow({ asker, worker }: Case, content: string): Promise<FollowedAnswer> {
  const request = {
    ...requestOf(content),
    model: { artefact: demoModel.artefact },
    tier: 'open',
    order: [worker],
  } as unknown as AskRequest;
  for (let tries = 0; tries < 3; tries++) {
    const parts: Part[] = [];
    let job: Job | undefined;
    for await (const event of asker.peer.consumer.ask(request)) {
      if (event.type === 'worker-chosen') job = event.job;
      if (event.type === 'part-received') parts.push(event.part);
      if (event.type !== 'job-finished' || !job) continue;
      const { receipt } = event.receipt;
      asker.auditing.follow(receipt, { job, parts });
      const { hash, record } = openReceipt(receipt);
      return { receipt: hash, tokens: record.tokensOut };
    }
  }
  throw new Error(`${worker} gave no answer.`);
}

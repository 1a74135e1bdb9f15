import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { classOf } from '#lib/peer/audit/trials.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Part } from '#lib/protocol/part.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { ownChain } from '#lib/trust/beacon.fixture.ts';
import { createDrandBeacon } from '#lib/trust/drand.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { eventually } from '../integration/peer/ground.ts';
import { appealsOnlyOnChain, manners, type Manner } from './cheats.ts';
import { seeCourtDays, type CourtReport } from './court-days.ts';
import { openTownCourt, type TownCourt } from './on-chain.ts';
import { openSharedLlama, type SharedLlama } from './llama.ts';
import { joinTown, peerOf, type Town, type TownPeer } from './peers.ts';
import {
  costOf,
  outcomesOf,
  reportOf,
  type AuditCost,
  type Case,
  type TownReport,
  type TownTrial,
} from './town-report.ts';

/**
 * A relay as a process of its own, and over libp2p on loopback seven validators, an honest worker, cheats, an auditor of each and one
 * who accuses falsely: whole peers, in this process, with one llama.cpp between them. Hours are seconds, the beacon is its own, and so is the
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
const answerTokens = 48;

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
  const llama = await openSharedLlama();
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
    for (const number of validatorNumbers) validators.push(await join(number));
    const cases: Case[] = [];
    for (const [at, manner] of kinds.entries()) {
      const { peer } = await join(firstWorker + at, { commits: true, appeals: !appealsOnlyOnChain(manner) });
      const doStream = llama.inTurn(manners[manner](llama));
      peer.provider.offerModel({ ...llama.loaded, slots: 1, doStream, score: undefined as never });
      const asker = await join(firstAuditor + at);
      cases.push({ manner, worker: peer.self, asker, isHarmful: false, followed: 0 });
    }
    const [honest] = cases;
    const liar = await join(harmfulNumber, { judge: () => ({ verdict: 'failed', margin: 9 }) });
    cases.push({ ...honest!, asker: liar, isHarmful: true });
    for (const { asker, worker } of cases) await eventually(() => asker.peer.directory.get(worker) !== undefined);
    tell(`${joined.length} peers have joined.`);

    for (const one of cases)
      for (const question of questions.slice(0, one.isHarmful ? 1 : jobs)) {
        await askAndFollow(one, question);
        one.followed += 1;
      }
    const count = cases.reduce((sum, { followed }) => sum + followed, 0);
    tell(`${count} jobs have been answered.`);
    const over = () => cases.reduce((sum, one) => sum + outcomesOf(one).length, 0);
    // Others hear of the last vote a moment later.
    const isOver = () => over() === count && validators.every((one) => settledBy(one) === settledBy(validators[0]!));
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
  llama: SharedLlama,
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
    engine: `${engine.name} ${engine.build}`,
    court,
  };
}

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
  params: { maxTokens: answerTokens, temperature },
});

/** Asks this worker alone, and follows the receipt to its audit. @throws where there is no answer in three tries. */
async function askAndFollow({ asker, worker }: Case, content: string): Promise<void> {
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
      return asker.auditing.follow(event.receipt.receipt, { job, parts });
    }
  }
  throw new Error(`${worker} gave no answer.`);
}

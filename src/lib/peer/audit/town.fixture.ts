import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import type { Job } from '#lib/protocol/job.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { ownChain } from '#lib/trust/beacon.fixture.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { createDrandBeacon } from '#lib/trust/drand.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { createGround, signerOf } from '../town.fixture.ts';
import type { Scorer } from '../spec.ts';
import { createAuditing, type AuditingComponents, type AuditOutcomeEffect } from './auditing.ts';
import { openEpochKeeper } from './epoch-keeper.ts';
import type { Judge, Judged, ShownAnswer } from './validator.ts';
import { classOf } from './trials.ts';

/** Weights that find the tokens below 1,000 likely and all others not, with a noise of their own in the last digits. */
export const weights = (noise: number): Scorer => ({
  has: () => true,
  score: async (_artefact, _request, { ids }) =>
    ids?.map((id, at) => {
      const best = -0.2 - ((at * 7) % 10) / 10 - noise / 1e6;
      return { logprob: id < 1_000 ? best : best - 6, best };
    }),
});

/** As a judge does it: more than two strange tokens are a failure. */
const judge: Judge = (scores) =>
  judged(scores.filter(({ best, logprob }) => best - logprob > 0.5).length > 2 ? 'failed' : 'passed');

export const judged = (verdict: Judged['verdict']): Judged => ({ verdict, margin: 0 });

const epochMs = 600_000;

/** Whole peers of the audit, in memory and on one clock; beacon and validators are the town's. */
export async function createAuditTown({ validators = 7 }: { readonly validators?: number } = {}) {
  const { clock, network, random } = createGround(5);
  const own = ownChain({ genesis: 1_699_999_000, periodSeconds: 3 });
  const beacon = createDrandBeacon({ chain: own.chain, sources: [own.source], clock });
  const judges = Array.from({ length: validators }, (_, at) => 20 + at);
  const engineOf = (number: number) => ({ name: number === 22 ? 'wllama' : 'llama', build: '1', deviceClass: 'cpu' });
  const candidates = judges.map((number) => ({
    peer: signerOf(number).peer,
    engineClass: classOf({ engine: engineOf(number) }),
  }));

  const join = async (number: number, change: Partial<AuditingComponents> = {}) => {
    const net = network.createNet({ seed: new Uint8Array(32).fill(number) });
    await net.start();
    const signer = signerOf(number);
    const effects: AuditOutcomeEffect[] = [];
    const auditing = createAuditing({
      net,
      signer,
      clock,
      random: seededRandom(number),
      logger: silentLogger,
      beacon,
      share: 1_000_000,
      candidates: () => candidates,
      scorer: weights(number),
      judge,
      engine: `engine ${number}`,
      epochMs,
      onEffect: (effect) => effects.push(effect),
      ...change,
    });
    await auditing.start();
    return { net, signer, auditing, effects };
  };

  const worker = async (number: number, change: Partial<AuditingComponents> = {}) => {
    const issued: Envelope[] = [];
    const storage = createMemoryStorage();
    const dated = new Map<Envelope, number>();
    const keeper = await openEpochKeeper({
      signer: signerOf(number),
      storage,
      clock,
      issuedBetween: async (from, until) =>
        issued.flatMap((envelope, at) => {
          const issuedAt = dated.get(envelope)!;
          return issuedAt >= from && issuedAt < until ? [{ key: String(at), envelope }] : [];
        }),
      read: async (key) => issued[Number(key)],
    });
    const peer = await join(number, { keeper, ...change });
    let jobs = 0;
    /** A job of this asker, answered with these tokens: what a page would have received. */
    const answer = (asker: Signer, ids: readonly number[]) => {
      const job: Job = {
        id: (number * 1_000 + ++jobs).toString(16).padStart(32, '0'),
        artefact: 'a'.repeat(64),
        model: 'demo',
        kind: 'chat',
        input: { messages: [{ role: 'user', content: `Question ${jobs}` }] },
        params: { maxTokens: 64, temperature: 0 },
        tier: 'verified',
        deadlineMs: 60_000,
        salt: number.toString(16).padStart(32, '0'),
      };
      const parts: Part[] = [{ type: 'text-delta', text: 'Words', tokens: ids.length, ids: [...ids] }];
      const output = createOutputRoot(chat.outputHash);
      for (const part of parts) output.add(part);
      const { envelope } = issueReceipt(
        {
          job,
          asker: asker.peer,
          engine: { name: 'wllama', build: '2', deviceClass: 'cpu' },
          output: output.summary(),
          reason: 'stop',
          tokensIn: 5,
          timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
          price: { in: '0', out: '0' },
          issuedAt: clock.now(),
          prevWorker: chainStart,
        },
        peer.signer,
      );
      issued.push(envelope);
      dated.set(envelope, clock.now());
      return { envelope, shown: { job, parts } satisfies ShownAnswer };
    };
    return { ...peer, answer, issued };
  };

  return { clock, network, random, join, worker, judges, own, epochMs };
}

export const honestAnswer = Array.from({ length: 40 }, (_, at) => at * 3);
/** One token in two is not what the weights would have said. */
export const cheatsAnswer = honestAnswer.map((id, at) => (at % 2 === 0 ? id : id + 5_000));

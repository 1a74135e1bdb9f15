import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { TokenScore } from '#lib/engine/spec.ts';
import type { Reveal, Verdict } from '#lib/protocol/audit.ts';
import type { AuditFrame } from '#lib/protocol/audit-frame.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { openAuditRecord } from '#lib/trust/audit-records.ts';
import { pickPositions } from '#lib/trust/beacon.ts';
import { openReceipt, receiptHash } from '#lib/trust/receipt.ts';
import { isReceipted } from '#lib/trust/released.ts';
import type { TrialEffect } from '#lib/trust/trial-state.ts';
import { commitmentOf } from '#lib/trust/vote.ts';
import { wholeOf } from '../ask/auditions.ts';
import type { AskRequest, Scorer } from '../spec.ts';
import { createTurns } from './in-turn.ts';
import type { AuditJournal } from './journal.ts';
import type { AskAudit } from './stream.ts';
import type { Trial } from './trials.ts';

/** What the judge makes of a whole answer; log-probabilities that its worker sent are no part of it. */
export type Judge = (scores: readonly TokenScore[], job: Job, receipt: Receipt) => Judged;

export interface Judged {
  readonly verdict: 'passed' | 'failed' | 'undecided';
  /** In nats, as the judge of `trust/rescore.ts` takes it. */
  readonly margin: number;
  /** Each token's, of an answer that was to be greedy: what is added up over many answers. */
  readonly margins?: readonly number[] | undefined;
  /** Undecided only since its margins are beyond what this peer has learned of honest ones. */
  readonly isBeyond?: boolean | undefined;
}

/** What an answer was made from, as it is shown to a panel. */
export interface ShownAnswer {
  readonly job: Job;
  readonly parts: readonly Part[];
}

/** An answer whose conviction was appealed to the contract. */
export interface AppealedAnswer {
  readonly audit: string;
  /** It shows the answer to who asks. */
  readonly accuser: PeerId;
  readonly receipt: Envelope;
}

export interface ValidatorComponents {
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly scorer: Scorer;
  readonly judge: Judge;
  /** Name and build of the engine behind the scorer, and what it runs on. */
  readonly engine: string;
  readonly ask: AskAudit;
  readonly publish: PublishRecord;
  readonly journal?: Pick<AuditJournal, 'keepVote'> | undefined;
}

export type PublishRecord = <T extends 'accusation' | 'commitment' | 'reveal' | 'unsealing' | 'appeal'>(
  type: T,
  record: Extract<ReturnType<typeof openAuditRecord>, { readonly type: T }>['record'],
) => Promise<void>;

/** Judges what it is seated for: commits to what its own weights say of the answer, and reveals it when it is called. */
export function createValidator(components: ValidatorComponents) {
  const { signer, random, logger, publish } = components;
  const own = new Map<string, Reveal>();
  const restored = new Set<string>();
  const keyOf = (audit: string, round: number, sitting: number) => `${audit} ${round} ${sitting}`;

  const seat = async (effect: Extract<TrialEffect, { type: 'seat' }>, trial: Trial) => {
    const { audit } = trial.accusation;
    const { round, sitting } = effect;
    const key = keyOf(audit, round, sitting);
    const place = { audit, round, sitting, validator: signer.peer };
    // Of before a restart: whether others have heard it is not known, and to hear it twice changes nothing.
    const before = own.get(key);
    const reveal = before ?? {
      ...place,
      salt: random.bytes(32),
      engine: components.engine,
      ...(await look(effect, trial)),
    };
    if (!before) {
      keep(reveal);
      await components.journal?.keepVote(reveal);
    }
    await publish('commitment', { ...place, commitment: commitmentOf(reveal) });
  };
  const keep = (reveal: Reveal) => {
    own.set(keyOf(reveal.audit, reveal.round, reveal.sitting), reveal);
    if (own.size > ownMax) own.delete(own.keys().next().value!);
  };

  /** Whoever shows nothing, or something else than was receipted, convicts nobody. */
  const look = async (
    { round, sitting }: Extract<TrialEffect, { type: 'seat' }>,
    trial: Trial,
  ): Promise<{ readonly verdict: Verdict; readonly values: number[] }> => {
    const { accusation, receipt, state } = trial;
    const nothing = { verdict: 'undecided' as const, values: [] };
    try {
      const shown = await shownBy(trial);
      const scores = shown && (await scoreShown(components.scorer, shown, receipt));
      if (!shown || !scores || !state.draw) return nothing;
      const purpose = `${accusation.audit} ${round} ${sitting}`;
      const positions = pickPositions(state.draw, purpose, receipt.tokensOut, state.terms.positions);
      const verdict = verdictOf(components.judge(scores, shown.job, receipt));
      return { verdict, values: positions.map((at) => bounded(scores[at]!.logprob)) };
    } catch (error) {
      logger.info('audit-not-judged', { audit: accusation.audit, code: errorCode(error) });
      return nothing;
    }
  };

  /** An accuser answers one question of a peer at a time, and refuses those beside it. */
  const turns = createTurns();
  /** It may learn of the panel a little later than those who sit on it. */
  const askToShow = async (accuser: string, audit: string, retryMs: number) => {
    for (let asked = 1; ; asked++) {
      try {
        return await turns.run(accuser, () => components.ask(accuser, { t: 'show', audit }));
      } catch (error) {
        if (asked >= showAsksMax) throw error;
        await components.clock.delay(retryMs);
      }
    }
  };

  const shownBy = async ({ accusation, receipt, state }: Trial) => {
    const { accuser, audit } = accusation;
    const frames = await askToShow(accuser, audit, state.terms.windows.commitMs / (2 * showAsksMax));
    return releasedOf(frames, receipt, receiptHash(accusation.receipt));
  };

  return {
    /** Votes of before a restart, each with the salt that it was committed to with. */
    restore(votes: readonly Reveal[]): void {
      for (const vote of votes) {
        if (vote.validator !== signer.peer) continue;
        keep(vote);
        restored.add(keyOf(vote.audit, vote.round, vote.sitting));
      }
    },
    /**
     * Whoever was away has missed that all have committed, and would wait for them until it is too late: what another of the panel
     * reveals tells it. Of votes of before a restart alone, since others know by themselves.
     */
    async noteReveal({ audit, round, sitting, validator }: Reveal, trial: Trial | undefined): Promise<void> {
      const key = keyOf(audit, round, sitting);
      const vote = own.get(key);
      if (validator === signer.peer || !trial?.state.seated.includes(validator)) return;
      if (vote && restored.delete(key)) await publish('reveal', vote);
    },
    /**
     * What this validator's weights say of an answer that it was not seated for, once the contract asks more judges than the trial
     * had. Undecided where they are not at hand. @throws what it is refused with, `bad-record`, `bad-request` where something else is
     * shown.
     */
    async judgeAppealed({ audit, accuser, receipt: envelope }: AppealedAnswer): Promise<Verdict> {
      const receipt = openReceipt(envelope);
      const shown = releasedOf(
        await turns.run(accuser, () => components.ask(accuser, { t: 'show', audit })),
        receipt.record,
        receipt.hash,
      );
      if (!shown) throw new TabloomError('bad-request', 'What was shown is not the answer of that receipt; ask again.');
      const scores = await scoreShown(components.scorer, shown, receipt.record);
      return scores ? verdictOf(components.judge(scores, shown.job, receipt.record)) : 'undecided';
    },
    /** Of any trial; what is not for this validator is passed over. */
    async take(effect: TrialEffect, trial: Trial): Promise<void> {
      if (effect.type === 'seat' && effect.validators.includes(signer.peer)) return seat(effect, trial);
      if (effect.type !== 'call-reveals' || !effect.validators.includes(signer.peer)) return;
      const reveal = own.get(keyOf(trial.accusation.audit, effect.round, effect.sitting));
      if (reveal) await publish('reveal', reveal);
    },
  };
}

/** In the first half of the window to commit in: scoring takes time too. */
const showAsksMax = 8;
/** Votes that are kept until they are revealed. */
const ownMax = 256;
const verdictOf = ({ verdict }: Judged): Verdict =>
  verdict === 'failed' ? 'guilty' : verdict === 'passed' ? 'innocent' : 'undecided';

/** What is released by its asker, and is what was receipted. */
function releasedOf(frames: readonly AuditFrame[], receipt: Receipt, hash: string) {
  const shown = frames.find((frame) => frame.t === 'released');
  if (!shown) return undefined;
  const { type, record } = openAuditRecord(shown.release);
  const isAllowed = type === 'release' && record.asker === receipt.asker && record.receipt === hash;
  return isAllowed && isReceipted(receipt, shown.job, shown.parts) ? shown : undefined;
}

const bounded = (logprob: number) => Math.min(0, Math.max(-1e9, Number.isFinite(logprob) ? logprob : -1e9));

/**
 * One score of each token, and of the end after them where the receipt says that the model ended the answer. Undefined where the
 * weights are not at hand, the answer came without its tokens, or another worker began it.
 */
export async function scoreShown(scorer: Scorer, { job, parts }: ShownAnswer, receipt: Receipt) {
  const { text, ids } = wholeOf(parts);
  const isOnlyText = parts.every((part) =>
    part.type === 'text-delta' ? part.ids?.length === part.tokens : besideText.has(part.type),
  );
  if (job.resume || !ids || !isOnlyText) return undefined;
  const answer = { text, ids, ending: endingOf(receipt) };
  const { artefact, kind, input, params, tier } = job;
  const scores = await scorer.score(artefact, { model: { artefact }, kind, input, params, tier } as AskRequest, answer);
  const isWhole = scores?.length === ids.length || (scores?.length === ids.length + 1 && answer.ending === 'stop');
  return isWhole ? scores : undefined;
}

/** What a worker says beside its tokens, and no judge looks at: it must not keep its answer from being judged. */
const besideText: ReadonlySet<Part['type']> = new Set(['logprobs', 'warning']);

/** A stop sequence ends an answer where the model would have gone on. */
function endingOf({ reason, params }: Receipt): 'stop' | 'length' | undefined {
  const { stop } = params as { readonly stop?: readonly string[] };
  if (reason === 'stop') return stop?.length ? undefined : 'stop';
  return reason === 'length' ? 'length' : undefined;
}

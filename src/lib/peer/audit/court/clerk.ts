import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Court, Dispute } from '#lib/pay/court.ts';
import { createRounds } from '#lib/pay/rounds.ts';
import type { Address, Hex, Wallet } from '#lib/pay/spec.ts';
import { decodeEnvelope } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { AuditOutcomeEffect, Auditing } from '../auditing.ts';
import { createCaseStore } from './case-store.ts';
import { noteCase } from './note-case.ts';
import { courtPace, isAppealed, roundOf, stepsOf, type CourtCase, type CourtPace, type CourtStep } from './docket.ts';
import { createRoll, sameAccount } from './roll.ts';

/** What binds a worker to the account whose bond answers for it. */
export interface Accounts {
  /** The account of its present offer; undefined where it names none on the court's chain. */
  offered(worker: PeerId): Address | undefined;
  /** Whether the registry says that this account's answers come from this worker. @throws where the chain does not answer. */
  names(account: Address, worker: PeerId, options?: AbortOptions): Promise<boolean>;
}

export interface CourtClerkComponents {
  readonly self: PeerId;
  /** Gateways beside this peer, for which it goes to the contract; each shows what it accused itself. */
  readonly gateways?: readonly PeerId[] | undefined;
  /** After each look at the chain: the audits of theirs of which an appeal is heard, which are none for most of the time. */
  readonly onAppealed?: ((audits: readonly string[]) => void) | undefined;
  readonly court: Court;
  /** It puts down what a challenge costs, and pays for gas. Nothing else sends from this account. */
  readonly wallet: Wallet;
  readonly accounts: Accounts;
  /** The chain's own time, in Unix seconds. */
  readonly chainNow: (options?: AbortOptions) => Promise<number>;
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of a validator: what its own weights say of an answer that it was not seated for. @throws where it is not shown now. */
  readonly judgeAppealed?: Auditing['judgeAppealed'] | undefined;
  readonly pace?: CourtPace | undefined;
  readonly intervalMs?: number | undefined;
}

/**
 * Takes what trials end with to the contract that slashes: whoever accused opens the dispute, whoever judged hands in its vote. What it
 * is about to do is stored first and looked up on the chain before it is done again, so that a restart neither loses nor repeats it.
 */
export interface CourtClerk extends Startable {
  note(effect: AuditOutcomeEffect): void;
  /** Whether the contract hears an appeal against the conviction of this audit, as was last seen: then all who judge may look. */
  isAppealed(audit: string): boolean;
}

const intervalMsDefault = 60_000;

export function createCourtClerk(components: CourtClerkComponents): CourtClerk {
  const { self, court, wallet, accounts, chainNow, storage, clock, logger, pace = courtPace } = components;
  const account = wallet.address;
  const cases = createCaseStore({ storage, logger });
  const roll = createRoll({ court, storage });
  const gateways = new Set(components.gateways);
  const accusers = new Set([self, ...gateways]);
  let chainSeenAt = 0;
  /** Answers that were asked for and not shown. */
  const lookedAt = new Map<string, number>();

  /** The dispute over this case's receipt, and of the account that answers for its worker: nobody else is judged by it. */
  const disputesOf = async ({ receipt, provider, worker }: CourtCase, options: AbortOptions) => {
    const found: Dispute[] = [];
    for (const one of await roll.over(hashOf(receipt), options)) {
      const answersForIt = provider
        ? sameAccount(one.provider, provider)
        : await accounts.names(one.provider, worker, options);
      if (answersForIt) found.push(one);
    }
    return found;
  };

  const open = async (one: CourtCase, disputes: readonly Dispute[], provider: Address, options: AbortOptions) => {
    const accusation = { provider, receiptHash: hashOf(one.receipt) };
    // Whatever comes of it, and whether or not that is heard: not again for a while.
    await cases.put({ ...one, openedAt: clock.now() });
    if ((await court.decidedBy(accusation, options)) !== null) return;
    const { maximum: penalty } = await court.penaltyRange(provider, options);
    const isDisputed = disputes.some((other) => other.phase !== 'ended' && other.penalty >= penalty);
    // A dispute for no less gets the votes, and a second one would only lose its bond.
    if (penalty === 0n || isDisputed) return;
    const opened = await court.open(wallet, { ...accusation, penalty }, options);
    roll.add(opened);
    logger.info('dispute-opened', {
      dispute: `${opened.id}`,
      audit: one.audit,
      worker: one.worker,
      penalty: `${penalty}`,
    });
  };

  const vote = async (
    one: CourtCase,
    { dispute, verdict }: Extract<CourtStep, { type: 'vote' }>,
    options: AbortOptions,
  ) => {
    const { id, round } = dispute;
    try {
      const ballot = await court.signVote(wallet, { disputeId: id, round, verdict }, options);
      await court.vote(wallet, ballot, options);
      logger.info('dispute-voted', { dispute: `${id}`, round, verdict });
    } catch (error) {
      // Handed in before a restart, or not this account's to say: to ask again changes neither.
      if (!finalForVotes.has(errorCode(error))) throw error;
      logger.info('dispute-vote-refused', { dispute: `${id}`, code: errorCode(error) });
    }
    await cases.put({ ...one, voted: [...one.voted, roundOf(dispute)].slice(-votedMax) });
  };

  const look = async ({ audit, accuser, answer }: CourtCase, { signal }: AbortOptions) => {
    const judge = components.judgeAppealed;
    const lately = clock.now() - pace.lookMs;
    if (!judge || !answer || (lookedAt.get(audit) ?? -Infinity) > lately) return;
    lookedAt.set(audit, clock.now());
    const verdict = await judge({ audit, accuser, receipt: decodeEnvelope(answer) });
    signal?.throwIfAborted();
    lookedAt.delete(audit);
    logger.info('appeal-judged', { audit, verdict });
    const one = cases.get(audit);
    if (one) await cases.put({ ...one, looked: true, ...(verdict === 'undecided' ? {} : { verdict }) });
  };

  const carryOut = async (one: CourtCase, disputes: readonly Dispute[], step: CourtStep, options: AbortOptions) => {
    switch (step.type) {
      case 'open':
        return open(one, disputes, step.provider, options);
      case 'vote':
        return vote(one, step, options);
      case 'look':
        return look(one, options);
      case 'conclude': {
        const { phase, outcome } = await court.conclude(wallet, step.id, options);
        return logger.info('dispute-concluded', { dispute: `${step.id}`, phase, outcome });
      }
      case 'close':
        lookedAt.delete(one.audit);
        return cases.delete(one.audit);
    }
  };

  const round = async (options: AbortOptions) => {
    if (cases.list().length === 0) return;
    chainSeenAt = await chainNow(options);
    await roll.read(chainSeenAt, options);
    let isOver = false;
    for (const listed of cases.list()) {
      try {
        const one = await bind(listed, options);
        const disputes = await disputesOf(one, options);
        isOver ||= disputes.some(({ phase }) => phase === 'ended');
        const view = {
          self,
          accusers,
          account,
          disputes,
          isBusy: isBusyWith(one),
          now: clock.now(),
          chainNow: await chainNow(options),
          pace,
        };
        for (const step of stepsOf(one, view)) await carryOut(one, disputes, step, options);
      } catch (error) {
        if (options.signal?.aborted) throw error;
        logger.warn('court-step-failed', { audit: listed.audit, code: errorCode(error) });
      }
    }
    components.onAppealed?.(
      cases.list().flatMap(({ audit, accuser }) => (gateways.has(accuser) && isAppealedNow(audit) ? [audit] : [])),
    );
    if (isOver && (await court.owed(account, options)) > 0n)
      logger.info('dispute-collected', { units: `${await court.collect(wallet, account, options)}` });
  };
  const isAppealedNow = (audit: string) => {
    const one = cases.get(audit);
    return one?.outcome === 'convicted' && isAppealed(roll.known(hashOf(one.receipt)), chainSeenAt);
  };
  /** A second dispute over one bond would find nothing left to slash. */
  const isBusyWith = ({ audit, worker, provider }: CourtCase) => {
    const isRunning = roll
      .running()
      .some((other) => provider && sameAccount(other.provider, provider) && sameAccount(other.challenger, account));
    const lately = clock.now() - pace.reopenMs;
    return (
      isRunning ||
      cases.list().some((one) => one.audit !== audit && one.worker === worker && (one.openedAt ?? 0) > lately)
    );
  };

  /** While the trial runs: afterwards a convicted worker could name another account. */
  const bind = async (one: CourtCase, options: AbortOptions): Promise<CourtCase> => {
    const offered = one.provider ? undefined : accounts.offered(one.worker);
    if (!offered || !(await accounts.names(offered, one.worker, options))) return one;
    // What was heard of the trial meanwhile stays.
    const bound = { ...(cases.get(one.audit) ?? one), provider: offered };
    await cases.put(bound);
    return cases.get(one.audit) ?? bound;
  };

  const rounds = createRounds(
    { clock, logger },
    { event: 'court-round-failed', intervalMs: components.intervalMs ?? intervalMsDefault, round },
  );
  return {
    note(effect) {
      if (effect.of !== 'trial') return;
      const { audit } = effect.trial.accusation;
      const change = noteCase(self, cases.get(audit), effect, clock.now());
      if (change === 'forget') cases.forget(audit);
      else if (change) cases.note(change);
    },
    isAppealed: isAppealedNow,
    async start() {
      await cases.open();
      await roll.open();
      await rounds.start();
    },
    stop: () => rounds.stop(),
  };
}

const hashOf = (receipt: string): Hex => `0x${receipt}`;
/** Two rounds of each dispute over one receipt. */
const votedMax = 64;
const finalForVotes: ReadonlySet<string> = new Set([
  'already-voted',
  'not-validator',
  'validator-too-new',
  'validator-is-party',
  'wrong-round',
  'window-over',
]);

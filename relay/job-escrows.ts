import { createHash } from 'node:crypto';
import type { AbortOptions } from '#lib/base/abort.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createMutexes } from '#lib/base/mutex.ts';
import { refund } from '#lib/pay/actions/refund.ts';
import type { ChainTime } from '#lib/pay/chain-time.ts';
import { payFromJobChannel } from '#lib/pay/job-payment.ts';
import type { Payer } from '#lib/pay/payer.ts';
import { jobMarginSeconds } from '#lib/pay/policy.ts';
import type { Purse } from '#lib/pay/ports.ts';
import { requireBond } from '#lib/pay/registry.ts';
import { createRounds } from '#lib/pay/rounds.ts';
import {
  closedSentinel,
  type Address,
  type Chain,
  type ChannelId,
  type OnChainState,
  type Wallet,
} from '#lib/pay/spec.ts';
import { asSent, channelIdOf, parseTerms } from '#lib/pay/terms.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { escrowName, openEscrowRecords, type EscrowRecord } from './escrow-records.ts';
import type { ChainEscrow, ChainEscrows } from './gateway/routes/chain-escrow.ts';

/**
 * Jobs whose most a wallet sets aside on a chain, in a channel that is used once: the money goes to the provider or back to the
 * wallet, and never here. This relay signs the vouchers, for no more than is delivered.
 */
export interface JobEscrows extends ChainEscrows {
  /** Pays for jobs that were begun out of an escrow, and for no others. */
  readonly purse: Purse;
  pays(job: string): boolean;
  /** Gives back what is past its deadline, from now on. */
  start(): void;
  stop(): Promise<void>;
}

export interface JobEscrowsInit {
  readonly chain: Chain;
  readonly time: ChainTime;
  readonly payer: Payer;
  /** Sends refunds, and pays their gas. */
  readonly wallet: Wallet;
  readonly storage: KeyValue;
  /** Micro-credits that a unit of the token is. */
  readonly creditsPerUnit: bigint;
  readonly clock: Clock;
  readonly logger: Logger;
}

const roundMs = 10 * 60_000;
/** An escrow that has ended answers for its job for so long. */
const keptSeconds = 30 * 86_400;
const unfundedSeconds = 3_600;

export async function createJobEscrows(init: JobEscrowsInit): Promise<JobEscrows> {
  const { chain, time, payer, wallet, storage, creditsPerUnit, clock, logger } = init;
  const records = await openEscrowRecords(storage, logger);
  const turns = createMutexes<string>();
  /** The escrow of each job that is under way. */
  const jobs = new Map<string, EscrowRecord>();
  const running = new Set<string>();

  const amountOf = ({ units, price }: Pick<EscrowRecord, 'units' | 'price'>) =>
    (BigInt(units) * price) / creditsPerUnit;
  const promisedIn = async (id: ChannelId) =>
    payer.list().some((known) => known.id === id) ? (await payer.state(id)).promised : 0n;
  const view = async (record: EscrowRecord, options: AbortOptions = {}): Promise<ChainEscrow> => {
    const id = channelIdOf(record.terms);
    const seen = record.ended ? undefined : await chain.channel(id, options);
    const isClosed = seen?.withdrawableAt === closedSentinel;
    const claimed = isClosed ? seen.claimed : record.claimed;
    const promised = await promisedIn(id);
    const ended = record.ended ?? (isClosed ? (claimed > 0n ? 'released' : 'refunded') : undefined);
    const { payer: by, job, kind, model, peer, units, price, terms } = record;
    return {
      payer: by,
      job,
      kind,
      model,
      peer: peer as PeerId,
      provider: terms.provider.toLowerCase(),
      units,
      price,
      deadline: terms.deadline * 1_000,
      state:
        ended ??
        (seen!.balance === 0n ? 'unfunded' : promised > 0n && !running.has(escrowName(record)) ? 'delivered' : 'open'),
      spent: (ended ? claimed : promised) * creditsPerUnit,
      channel: {
        chain: chain.entry.id,
        contract: chain.entry.contracts.channels,
        id,
        amount: amountOf(record),
        terms: asSent(terms),
      },
    };
  };
  /** Remembers how it ended, so that the chain need not be asked again. */
  const settled = async (record: EscrowRecord, seen: OnChainState): Promise<EscrowRecord> => {
    if (record.ended) return record;
    const isOver = seen.withdrawableAt === closedSentinel;
    if (!isOver && seen.balance > 0n) return record;
    const { claimed } = seen;
    return records.write({ ...record, claimed, ended: isOver ? (claimed > 0n ? 'released' : 'refunded') : 'unfunded' });
  };
  const giveBack = async (record: EscrowRecord, options: AbortOptions) => {
    const id = channelIdOf(record.terms);
    const seen = await chain.channel(id, options);
    if (seen.withdrawableAt !== closedSentinel && seen.balance > 0n) {
      try {
        const { returned, events } = await refund(chain, wallet, record.terms, options);
        await payer.applyEvents(events);
        logger.info('escrow-refunded', { units: returned.toString() });
      } catch (error) {
        // Anybody may have sent it.
        if (errorCode(error) !== 'channel-closed') throw error;
      }
    }
    return settled(record, await chain.channel(id, options));
  };
  /** What nobody pays in for is forgotten; the same words draw up the same channel again. */
  const dropUnfunded = async (record: EscrowRecord, options: AbortOptions) => {
    const { balance, withdrawableAt } = await chain.channel(channelIdOf(record.terms), options);
    if (balance === 0n && withdrawableAt !== closedSentinel) await records.forget(record);
    else await records.write({ ...record, isFunded: true });
  };
  const now = (options?: AbortOptions) => time.current(options);
  const rounds = createRounds(
    { clock, logger },
    {
      event: 'escrow-round-failed',
      intervalMs: roundMs,
      async round(options) {
        const at = await now(options);
        for (const record of records.all()) {
          const { deadline } = record.terms;
          const act: (() => Promise<unknown>) | undefined =
            record.ended && at > deadline + keptSeconds
              ? () => records.forget(record)
              : !record.ended && at > deadline
                ? () => giveBack(record, options)
                : !record.isFunded && at > record.drawnAt + unfundedSeconds
                  ? () => dropUnfunded(record, options)
                  : undefined;
          await (act && turns.run(escrowName(record), act))?.catch((error: unknown) =>
            logger.warn('escrow-not-refunded', { code: errorCode(error) }),
          );
        }
      },
    },
  );

  return {
    chain: chain.entry.id,
    creditsPerUnit,
    async find(id, options) {
      const record = records.find(id);
      return record && view(record, options);
    },
    open: (order, options = {}) =>
      turns.run(escrowName(order), async () => {
        const known = records.find(order);
        if (known) return view(known, options);
        records.checkRoom(order.payer);
        const at = await now(options);
        if (order.deadline < at + secondsMin) {
          const says = `"deadline" must be at least ${secondsMin / 60} minutes ahead, in Unix seconds.`;
          throw new TabloomError('bad-request', says, { details: { param: 'deadline' } });
        }
        const { deadline, provider, providerSigner, payer: by, ...rest } = order;
        await checkBond({ provider, peer: order.peer, amount: amountOf(order) }, options);
        const token = chain.entry.token.address;
        const parties = { payer: by as `0x${string}`, payerSigner: payer.key.address, provider, providerSigner, token };
        const salt = createHash('sha256').update(`escrow\n${by}\n${order.job}`).digest('hex');
        const terms = parseTerms({ ...parties, delay: 0, deadline, salt: `0x${salt}` });
        // Before its payer hears of the channel.
        return view(
          await records.write({ ...rest, payer: by, terms, claimed: 0n, drawnAt: at, isFunded: false }),
          options,
        );
      }),
    begin: (wanted, ids) =>
      turns.run(escrowName(wanted), async () => {
        const record = records.get(wanted);
        const { terms, peer, price } = record;
        if (record.model !== wanted.model) {
          const says = `This escrow is for the model "${record.model}". Ask for that one, or open another escrow.`;
          throw new TabloomError('bad-request', says, { details: { param: 'model' } });
        }
        if (running.has(escrowName(record)))
          throw closed('A job is running on this escrow. An escrow pays for one job.');
        const id = channelIdOf(terms);
        const seen = await chain.channel(id);
        if (record.ended || seen.withdrawableAt === closedSentinel) {
          throw closed('This escrow was paid out or refunded. Open another one for another job.');
        }
        if (seen.balance === 0n) {
          const says =
            'Nothing lies in the channel of this escrow yet. Open it on the chain with its terms, then ask again.';
          throw new TabloomError('escrow-unfunded', says);
        }
        if ((await now()) + jobMarginSeconds >= terms.deadline) {
          throw closed('The deadline of this escrow is too near for an answer. It comes back by itself.');
        }
        if (terms.payerSigner !== payer.key.address) {
          throw closed('This relay signs with another key by now. The escrow comes back after its deadline.');
        }
        await checkBond({ provider: terms.provider, peer: peer as PeerId, amount: amountOf(record) });
        await payer.begin(terms);
        const { promised } = await payer.observe(id, seen);
        if (promised > 0n) throw closed('This escrow has paid for its job. Open another one for another job.');
        running.add(escrowName(record));
        for (const job of ids) jobs.set(job, record);
        const most = amountOf(record);
        return {
          peer: peer as PeerId,
          budget: most < seen.balance ? most : seen.balance,
          // Of a million tokens, where a unit is a thousand.
          priceMax: (price * 1_000n) / creditsPerUnit,
          end() {
            for (const job of ids) jobs.delete(job);
            running.delete(escrowName(record));
          },
        };
      }),
    async refund(id, options = {}) {
      const record = records.get(id);
      const left = record.terms.deadline - (await chain.head(options)).timestamp;
      if (left >= 0 && !record.ended) {
        const seen = await view(record, options);
        if (seen.state === 'released' || seen.state === 'refunded') return seen;
        const says = 'The provider has until the deadline. It comes back by itself then.';
        throw new TabloomError('escrow-not-due', says, { details: { retryAfterMs: (left + 1) * 1_000 } });
      }
      return turns.run(escrowName(id), async () => view(await giveBack(records.get(id), options), options));
    },
    pays: (job) => jobs.has(job),
    purse: {
      async open(payout, { id: job, budget }) {
        const record = jobs.get(job);
        if (!record) throw closed('This job was not begun, or is over.');
        const { terms } = record;
        const channel = { chain: chain.entry.id, id: channelIdOf(terms), terms };
        return payFromJobChannel(payer, channel, { payout, budget });
      },
    },
    start: () => void rounds.start(),
    stop: () => rounds.stop(),
  };

  /** Nobody is asked to lock money up for a stranger who has nothing to lose. */
  async function checkBond(
    { provider, peer, amount }: { readonly provider: Address; readonly peer: PeerId; readonly amount: bigint },
    options?: AbortOptions,
  ): Promise<void> {
    try {
      await requireBond(chain, { provider, peer, tier: 'open', largestJob: amount }, options);
    } catch (error) {
      const code = errorCode(error);
      const says = unbonded[code];
      throw says === undefined ? error : new TabloomError(code, says, { cause: error });
    }
  }
}

/** A provider begins nothing in the last minutes of a job, and a deposit takes a while. */
const secondsMin = 10 * 60;

const unbonded: Readonly<Record<string, string>> = {
  'provider-unlisted':
    'This provider has no bond in the registry, and an escrow is for those who have one. Name another.',
  'bond-too-small': 'The bond of this provider is below 200 times the escrow. Set less aside, or name another.',
};

const closed = (says: string) => new TabloomError('escrow-closed', says);

import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createMutexes } from '#lib/base/mutex.ts';
import type { Random } from '#lib/base/random.ts';
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
import { listReadable } from '#lib/pay/storage.ts';
import { asSent, channelIdOf, jobTerms, termsSchema } from '#lib/pay/terms.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { ChainEscrow, ChainEscrowId, ChainEscrowOrder, ChainEscrows } from './gateway/routes/chain-escrow.ts';

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
  readonly random: Random;
  readonly logger: Logger;
}

const prefix = 'job-escrow/';
const roundMs = 10 * 60_000;
const recordsMax = 10_000;
const perPayerMax = 100;
/** An escrow that has ended answers for its job for so long. */
const keptSeconds = 30 * 86_400;

type Stored = z.output<typeof storedSchema>;
const storedSchema = z.object({
  payer: z.string(),
  job: z.string(),
  kind: z.string(),
  model: z.string(),
  peer: z.string(),
  units: z.number().int(),
  /** Micro-credits of one unit. */
  price: z.string().transform(BigInt),
  terms: termsSchema,
  /** What became of it, once that cannot change any more. */
  ended: z.enum(['released', 'refunded', 'unfunded']).optional(),
  claimed: z
    .string()
    .transform(BigInt)
    .default(() => 0n),
});

export async function createJobEscrows(init: JobEscrowsInit): Promise<JobEscrows> {
  const { chain, time, payer, wallet, storage, creditsPerUnit, clock, random, logger } = init;
  const keyOf = ({ payer: by, job }: ChainEscrowId) => `${prefix}${by}/${job}`;
  const stored = await listReadable(storage, { prefix, limit: recordsMax }, (_, value) => storedSchema.parse(value));
  for (const key of stored.unreadable) logger.warn('escrow-unreadable', { key });
  const records = new Map(stored.records.map((record) => [keyOf(record), record]));
  const turns = createMutexes<string>();
  /** The escrow of each job that is under way. */
  const jobs = new Map<string, Stored>();
  const running = new Set<string>();

  const write = async (record: Stored) => {
    const { price, claimed, ...rest } = record;
    const value = { ...rest, terms: { ...rest.terms }, price: price.toString(), claimed: claimed.toString() };
    await storage.put('pay', keyOf(record), value);
    records.set(keyOf(record), record);
    return record;
  };
  const amountOf = ({ units, price }: Stored) => (BigInt(units) * price) / creditsPerUnit;
  const promisedIn = async (id: ChannelId) =>
    payer.list().some((known) => known.id === id) ? (await payer.state(id)).promised : 0n;
  const view = async (record: Stored, options: AbortOptions = {}, reading?: OnChainState): Promise<ChainEscrow> => {
    const id = channelIdOf(record.terms);
    const seen = reading ?? (record.ended ? undefined : await chain.channel(id, options));
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
        (seen!.balance === 0n ? 'unfunded' : promised > 0n && !running.has(keyOf(record)) ? 'delivered' : 'open'),
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
  const find = (id: ChainEscrowId): Stored => {
    const record = records.get(keyOf(id));
    if (record) return record;
    throw new TabloomError('escrow-unknown', 'There is no such escrow of this wallet. Check "job".');
  };
  /** Remembers how it ended, so that the chain need not be asked again. */
  const settled = async (record: Stored, seen: OnChainState): Promise<Stored> => {
    if (record.ended) return record;
    const isOver = seen.withdrawableAt === closedSentinel;
    if (!isOver && seen.balance > 0n) return record;
    const { claimed } = seen;
    return write({ ...record, claimed, ended: isOver ? (claimed > 0n ? 'released' : 'refunded') : 'unfunded' });
  };
  const giveBack = async (record: Stored, options: AbortOptions) => {
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
  const now = (options?: AbortOptions) => time.current(options);
  const rounds = createRounds(
    { clock, logger },
    {
      event: 'escrow-round-failed',
      intervalMs: roundMs,
      async round(options) {
        const at = await now(options);
        for (const [key, record] of records) {
          const { deadline } = record.terms;
          if (at <= deadline) continue;
          if (record.ended && at > deadline + keptSeconds) {
            await storage.delete('pay', key);
            records.delete(key);
          } else if (!record.ended) {
            await turns
              .run(key, () => giveBack(record, options))
              .catch((error: unknown) => logger.warn('escrow-not-refunded', { code: errorCode(error) }));
          }
        }
      },
    },
  );

  return {
    chain: chain.entry.id,
    creditsPerUnit,
    async find(id, options) {
      const record = records.get(keyOf(id));
      return record && view(record, options);
    },
    open: (order, options = {}) =>
      turns.run(keyOf(order), async () => {
        const known = records.get(keyOf(order));
        if (known) return view(known, options);
        checkCount(order);
        const at = await now(options);
        if (order.deadline < at + secondsMin) {
          const says = `"deadline" must be at least ${secondsMin / 60} minutes ahead, in Unix seconds.`;
          throw new TabloomError('bad-request', says, { details: { param: 'deadline' } });
        }
        const { deadline, provider, providerSigner, payer: by, ...rest } = order;
        const { peer, units, price } = order;
        const amount = (BigInt(units) * price) / creditsPerUnit;
        await checkBond({ provider, peer, amount }, options);
        const token = chain.entry.token.address;
        const parties = { payer: by as `0x${string}`, payerSigner: payer.key.address, provider, providerSigner, token };
        const terms = jobTerms(random, parties, deadline);
        // Before its payer hears of the channel.
        return view(await write({ ...rest, payer: by, terms, claimed: 0n }), options);
      }),
    begin: (wanted, ids) =>
      turns.run(keyOf(wanted), async () => {
        const record = find(wanted);
        const { terms, peer, price } = record;
        if (record.model !== wanted.model) {
          const says = `This escrow is for the model "${record.model}". Ask for that one, or open another escrow.`;
          throw new TabloomError('bad-request', says, { details: { param: 'model' } });
        }
        if (running.has(keyOf(record))) throw closed('A job is running on this escrow. An escrow pays for one job.');
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
        running.add(keyOf(record));
        for (const job of ids) jobs.set(job, record);
        const most = amountOf(record);
        return {
          peer: peer as PeerId,
          budget: most < seen.balance ? most : seen.balance,
          // Of a million tokens, where a unit is a thousand.
          priceMax: (price * 1_000n) / creditsPerUnit,
          end() {
            for (const job of ids) jobs.delete(job);
            running.delete(keyOf(record));
          },
        };
      }),
    async refund(id, options = {}) {
      const record = find(id);
      const left = record.terms.deadline - (await chain.head(options)).timestamp;
      if (left >= 0 && !record.ended) {
        const seen = await view(record, options);
        if (seen.state === 'released' || seen.state === 'refunded') return seen;
        const says = 'The provider has until the deadline. It comes back by itself then.';
        throw new TabloomError('escrow-not-due', says, { details: { retryAfterMs: (left + 1) * 1_000 } });
      }
      return turns.run(keyOf(id), async () => view(await giveBack(find(id), options), options));
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

  function checkCount({ payer: by }: ChainEscrowOrder): void {
    let own = 0;
    for (const record of records.values()) if (record.payer === by && !record.ended) own += 1;
    if (own >= perPayerMax || records.size >= recordsMax) {
      const says =
        'A wallet has at most 100 open escrows here, and all together ten thousand. Wait until some have ended.';
      throw new TabloomError('too-many-escrows', says);
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

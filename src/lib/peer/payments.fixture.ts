import type { Payment, Purse, Receivable, Till } from '#lib/pay/ports.ts';
import { payError, type PayErrorCode } from '#lib/pay/errors.ts';
import type { Address, ChannelId, ChannelTerms, Hex, Voucher } from '#lib/pay/spec.ts';
import type { Payout } from '#lib/protocol/payment.ts';

/**
 * Purses and tills in memory with the accounts of a real one: a channel for each pair, deposits, cumulative vouchers that
 * several jobs share, and what each job has promised and received. Signatures are only numbered.
 */
export interface Bank {
  purse(owner: number, options?: { readonly depositMax?: bigint }): TestPurse;
  till(provider: number): TestTill;
}

export interface TestPurse extends Purse {
  /** What the job has promised, to all workers. */
  promisedFor(job: string): bigint;
  /** From now on every promise fails with this code; undefined: none does. */
  failing: PayErrorCode | undefined;
  /** The same of opening a channel. */
  closedFor: PayErrorCode | undefined;
  /** Jobs whose budget is still held. */
  readonly openJobs: number;
  readonly opened: number;
  /** Promised in all. */
  readonly total: bigint;
  readonly promises: number;
  /** How each payment ended. */
  readonly endings: Parameters<Payment['end']>[0][];
}

export interface TestTill extends Till {
  receivedFor(job: string): bigint;
  /** Credited in all. */
  readonly total: bigint;
  /** Why the till refuses from now on, by what it is asked for. */
  readonly refusing: { open?: PayErrorCode; receive?: PayErrorCode; serve?: PayErrorCode };
  readonly openJobs: number;
}

const chain = 31_337;
const digits = (n: number, width: number): string => n.toString(16).padStart(width, '0');
const address = (n: number): Address => `0x${digits(n, 40)}`;
const idOf = (terms: ChannelTerms): ChannelId =>
  `0x${terms.payer.slice(-8)}${terms.provider.slice(-8)}${'0'.repeat(48)}`;
const signatureOf = (id: ChannelId, amount: bigint): Hex =>
  `0x${id.slice(2, 18)}${amount.toString(16).padStart(114, '0')}`;

export const payoutOf = (provider: number): Payout => ({
  chain,
  provider: address(provider),
  providerSigner: address(provider + 0x1000),
  delay: 86_400,
  depositMin: '0',
});

export function createBank(): Bank {
  const deposits = new Map<ChannelId, bigint>();

  return {
    purse(owner, { depositMax = 10n ** 12n } = {}) {
      const totals = new Map<ChannelId, Map<string, bigint>>();
      const held = new Set<object>();
      const counts = { opened: 0, promises: 0 };
      const sumOf = (id: ChannelId) => [...(totals.get(id)?.values() ?? [])].reduce((sum, one) => sum + one, 0n);
      const purse: TestPurse = {
        failing: undefined,
        closedFor: undefined,
        endings: [],
        get openJobs() {
          return held.size;
        },
        get opened() {
          return counts.opened;
        },
        get total() {
          return [...totals.keys()].reduce((sum, id) => sum + sumOf(id), 0n);
        },
        get promises() {
          return counts.promises;
        },
        promisedFor: (job) => [...totals.values()].reduce((sum, jobs) => sum + (jobs.get(job) ?? 0n), 0n),
        async open(payout, { id: job, budget }) {
          await Promise.resolve();
          if (purse.closedFor) throw payError(purse.closedFor);
          const terms: ChannelTerms = {
            payer: address(owner + 0x2000),
            payerSigner: address(owner + 0x3000),
            provider: payout.provider,
            providerSigner: payout.providerSigner,
            token: address(0x4000),
            delay: payout.delay,
            deadline: 0,
            salt: `0x${'0'.repeat(64)}`,
          };
          const id = idOf(terms);
          const jobs = totals.get(id) ?? new Map<string, bigint>();
          totals.set(id, jobs);
          const most = (jobs.get(job) ?? 0n) + budget;
          const needed = sumOf(id) + budget;
          if (needed > depositMax) throw payError('insufficient-funds');
          if (needed > (deposits.get(id) ?? 0n)) deposits.set(id, needed);
          counts.opened += 1;
          const payment = {
            chain,
            terms,
            channelId: id,
            promised: () => jobs.get(job) ?? 0n,
            async promise(total: bigint): Promise<Voucher> {
              await Promise.resolve();
              if (purse.failing) throw payError(purse.failing);
              if (total > most) throw payError('overdrawn');
              if (total > payment.promised()) jobs.set(job, total);
              counts.promises += 1;
              const cumulativeAmount = sumOf(id);
              return { channelId: id, cumulativeAmount, signature: signatureOf(id, cumulativeAmount) };
            },
            end(channel?: (typeof purse.endings)[number]) {
              if (held.delete(payment)) purse.endings.push(channel);
            },
          };
          held.add(payment);
          return payment;
        },
      };
      return purse;
    },
    till(provider) {
      const payout = payoutOf(provider);
      const stored = new Map<ChannelId, bigint>();
      const totals = new Map<ChannelId, Map<string, bigint>>();
      const held = new Set<object>();
      const refusing: TestTill['refusing'] = {};
      return {
        payouts: [payout],
        refusing,
        get openJobs() {
          return held.size;
        },
        get total() {
          return [...totals.values()].flatMap((jobs) => [...jobs.values()]).reduce((sum, one) => sum + one, 0n);
        },
        receivedFor: (job) => [...totals.values()].reduce((sum, jobs) => sum + (jobs.get(job) ?? 0n), 0n),
        async open(payment, { id: job }) {
          await Promise.resolve();
          if (refusing.open) throw payError(refusing.open);
          const terms = payment.terms as ChannelTerms;
          const id = idOf(terms);
          if (terms.provider !== payout.provider || payment.chain !== chain) throw payError('bad-terms');
          if (!deposits.has(id)) throw payError('channel-missing');
          const jobs = totals.get(id) ?? new Map<string, bigint>();
          totals.set(id, jobs);
          const receivable: Receivable = {
            chain,
            channelId: id,
            received: () => jobs.get(job) ?? 0n,
            async receive({ voucher, total }) {
              await Promise.resolve();
              if (refusing.receive) throw payError(refusing.receive);
              const { channelId, cumulativeAmount, signature } = voucher as Record<string, string>;
              const amount = BigInt(cumulativeAmount!);
              if (channelId !== id) throw payError('wrong-channel');
              if (signature !== signatureOf(id, amount)) throw payError('bad-signature');
              if (amount > deposits.get(id)!) throw payError('overdrawn');
              if (amount > (stored.get(id) ?? 0n)) stored.set(id, amount);
              const others = [...jobs].reduce((sum, [of, paid]) => (of === job ? sum : sum + paid), 0n);
              if (others + total > stored.get(id)!) throw payError('overdrawn');
              if (total > receivable.received()) jobs.set(job, total);
              return receivable.received();
            },
            checkMayServe() {
              if (refusing.serve) throw payError(refusing.serve);
            },
            end: () => void held.delete(receivable),
          };
          held.add(receivable);
          return receivable;
        },
      };
    },
  };
}

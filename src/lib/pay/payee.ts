import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { openBook, stateOf, type Book } from './book.ts';
import { refusal, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import { serveRefusal, type ChannelView, type Exposure } from './policy.ts';
import type { Address, Chain, ChannelId, ChannelTerms, Claim, OnChainState, VoucherStore } from './spec.ts';
import { channelIdOf, parseTerms } from './terms.ts';
import { sameSeen } from './payer.ts';
import { createVoucherSigner, parseVoucher } from './voucher.ts';

/** The serving side: takes promises, and knows what they are worth. */
export interface Payee {
  /**
   * Takes note of a channel that a payer names, after looking at the chain.
   * @throws `bad-terms` when it pays somebody else or leaves too little time, `token-unsupported`, `channel-missing`,
   * `channel-closed`, `too-many-channels`.
   */
  admit(terms: ChannelTerms, options?: AbortOptions): Promise<ChannelId>;
  /**
   * Takes a voucher as it came off the wire. Once this resolves it is stored, and may be served for.
   * @returns how many units it added; 0 for one that is known already.
   * @throws `bad-voucher`, `wrong-channel`, `bad-signature`, `voucher-regress`, `overdrawn`, `channel-missing`,
   * `channel-closed`, `deadline-passed`, `chain-unavailable`, and those of the store.
   */
  receive(
    voucher: unknown,
    options?: AbortOptions,
  ): Promise<{ readonly channelId: ChannelId; readonly added: bigint; readonly total: bigint }>;
  observe(id: ChannelId, seen: OnChainState): Promise<ChannelState>;
  /** Reads the channel from the chain, then observes it. */
  refresh(id: ChannelId, options?: AbortOptions): Promise<ChannelState>;
  /** @throws the code for why this channel's payer is not to be served any further now; see `policy.ts`. */
  checkMayServe(id: ChannelId, exposure: Exposure): Promise<void>;
  state(id: ChannelId): Promise<ChannelState>;
  /** What the claim policy looks at. */
  views(): readonly ChannelView[];
  /** The newest vouchers of these channels, ready to claim; channels without one are left out. */
  claims(ids: readonly ChannelId[]): Promise<readonly Claim[]>;
}

export interface PayeeComponents {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly chain: Chain;
  readonly provider: Address;
  readonly providerSigner: Address;
}

/** A job has to leave this much time to claim it, in seconds. */
export const jobMarginSeconds = 120;

export async function createPayee(components: PayeeComponents): Promise<Payee> {
  const { store, clock, chain, provider, providerSigner } = components;
  const book: Book = await openBook(store, 'payee', chain.entry.id);
  const signer = createVoucherSigner(chain.entry);
  const now = () => Math.floor(clock.now() / 1_000);
  const observe = async (id: ChannelId, seen: OnChainState) =>
    stateOf(await book.change(id, (record) => sameSeen(record, seen)), now());
  const views = () =>
    book.list().map(({ id, terms, ...record }) => ({ id, terms, state: stateOf({ id, terms, ...record }, now()) }));
  return {
    async admit(given, options = {}) {
      const terms = parseTerms(given);
      for (const [field, expected] of Object.entries({ provider, providerSigner })) {
        const actual = terms[field as 'provider' | 'providerSigner'];
        if (actual !== expected) throw payError('bad-terms', { details: { field, expected, given: actual } });
      }
      if (terms.token !== chain.entry.token.address) throw payError('token-unsupported');
      if (terms.deadline !== 0 && terms.deadline < now() + jobMarginSeconds) {
        throw payError('bad-terms', { details: { field: 'deadline', minimum: now() + jobMarginSeconds } });
      }
      const id = channelIdOf(terms);
      const seen = await chain.channel(id, options);
      const state = stateOf(
        { side: 'payee', chainId: chain.entry.id, id, terms, revision: 1, voucher: null, seen },
        now(),
      );
      if (state.phase === 'unopened') throw payError('channel-missing', { details: { channelId: id } });
      if (state.phase === 'closed') throw payError('channel-closed', { details: { channelId: id } });
      if (state.phase === 'withdrawing') throw payError('withdrawal-pending', { details: { channelId: id } });
      await book.add(terms, seen);
      await observe(id, seen);
      return id;
    },
    async receive(value, options = {}) {
      const voucher = parseVoucher(value);
      const { channelId, cumulativeAmount } = voucher;
      const { terms, seen } = await book.get(channelId);
      // Outside the line of writes: a forged voucher must not hold up the honest ones.
      if (!(await signer.verify(terms.payerSigner, voucher))) {
        throw payError('bad-signature', { details: { expected: terms.payerSigner, message: 'Voucher' } });
      }
      // The payer may have topped up since: one look at the chain decides.
      if (cumulativeAmount > seen.balance && seen.withdrawableAt === 0)
        await observe(channelId, await chain.channel(channelId, options));
      let added = 0n;
      await book.change(channelId, (record) => {
        const before = stateOf(record, now());
        const code = refusal(before, { type: 'voucher-received', cumulativeAmount });
        if (code) throw payError(code, { details: { channelId, cumulativeAmount, balance: before.balance } });
        added = cumulativeAmount - before.promised;
        return added === 0n ? record : { ...record, voucher };
      });
      return { channelId, added, total: cumulativeAmount };
    },
    observe,
    refresh: async (id, options = {}) => observe(id, await chain.channel(id, options)),
    async checkMayServe(id, exposure) {
      const { terms } = await book.get(id);
      const ofPayer = views().filter((view) => view.terms.payer === terms.payer);
      const code = serveRefusal(id, ofPayer, exposure);
      if (code) throw payError(code, { details: { channelId: id } });
    },
    state: async (id) => stateOf(await book.get(id), now()),
    views,
    async claims(ids) {
      const records = await Promise.all(ids.map((id) => book.get(id)));
      return records.flatMap(({ terms, voucher }) =>
        voucher ? [{ channel: terms, cumulativeAmount: voucher.cumulativeAmount, signature: voucher.signature }] : [],
      );
    },
  };
}

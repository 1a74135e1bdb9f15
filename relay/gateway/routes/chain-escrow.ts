import type { Context } from 'hono';
import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { channelTermsSchema } from '#lib/protocol/payment.ts';
import { writeCredits } from '../../credit-amount.ts';
import { badRequest, gatewayError } from '../errors.ts';
import { escrowUnits } from '../escrow-terms.ts';

type HexText = `0x${string}`;

/**
 * Jobs whose most a wallet sets aside on a chain, wherever that is written. Addresses of payers and providers are lower-case, prices
 * micro-credits of a unit.
 */
export interface ChainEscrows {
  readonly chain: number;
  /** Micro-credits that a unit of the token is. */
  readonly creditsPerUnit: bigint;
  find(id: ChainEscrowId, options?: AbortOptions): Promise<ChainEscrow | undefined>;
  /**
   * Draws up the channel and writes it down; an escrow of the same name is given as it is. Nothing is on the chain before the payer
   * has put it there. @throws `bad-request`, `too-many-escrows`, `provider-unlisted`, `bond-too-small`, `provider-mismatch`,
   * `chain-unavailable`.
   */
  open(order: ChainEscrowOrder, options?: AbortOptions): Promise<ChainEscrow>;
  /**
   * Lets one job be paid out of it, whichever of these ids that has.
   * @throws `escrow-unknown`, `escrow-unfunded`, `escrow-closed`, `bad-request`, and what `open` throws of the provider.
   */
  begin(wanted: ChainEscrowId & { readonly model: string }, ids: readonly string[]): Promise<EscrowedJob>;
  /** Sends it back, after the deadline. @throws `escrow-unknown`, `escrow-not-due`, `chain-unavailable`. */
  refund(id: ChainEscrowId, options?: AbortOptions): Promise<ChainEscrow>;
}

export interface ChainEscrowId {
  readonly payer: string;
  readonly job: string;
}

export interface ChainEscrowOrder extends ChainEscrowId {
  readonly kind: string;
  readonly model: string;
  /** Who serves, and is paid. */
  readonly peer: PeerId;
  readonly provider: HexText;
  readonly providerSigner: HexText;
  readonly units: number;
  readonly price: bigint;
  /** Unix seconds. */
  readonly deadline: number;
}

export interface ChainEscrow extends ChainEscrowId {
  readonly kind: string;
  readonly model: string;
  readonly peer: PeerId;
  readonly provider: string;
  readonly units: number;
  readonly price: bigint;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly state: 'unfunded' | 'open' | 'delivered' | 'released' | 'refunded';
  /** Micro-credits: promised to the provider, and once it is over, what the provider has claimed. */
  readonly spent: bigint;
  readonly channel: {
    readonly chain: number;
    readonly contract: HexText;
    readonly id: HexText;
    /** In the smallest unit of the token. */
    readonly amount: bigint;
    readonly terms: z.output<typeof channelTermsSchema>;
  };
}

/** What a job may cost that is paid out of an escrow, and who answers it. */
export interface EscrowedJob {
  readonly peer: PeerId;
  readonly budget: bigint;
  /** Of a million tokens, in the smallest unit of the token. */
  readonly priceMax: bigint;
  end(): void;
}

const amount = z.string().regex(/^\d+(\.\d{1,6})?$/);

export const chainEscrowSchema = z.object({
  object: z.literal('escrow'),
  on: z.literal('chain'),
  job: z.string(),
  kind: z.string(),
  model: z.string(),
  state: z.enum(['unfunded', 'open', 'delivered', 'released', 'refunded']),
  payer: z.string(),
  provider: z.string(),
  peer: z.string(),
  unit: z.literal(escrowUnits.llm),
  units: z.number().int(),
  price_credits: amount,
  escrowed_credits: amount,
  spent_credits: amount,
  deadline: z.number().int(),
  channel: z.object({
    chain: z.number().int(),
    contract: z.string(),
    id: z.string(),
    amount: z.string(),
    terms: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
});

export interface ChainEscrowComponents {
  /** Undefined where this relay pays no providers. */
  readonly chainEscrows?: ChainEscrows | undefined;
  readonly directory: Pick<Directory, 'entries'>;
}

/** @throws `payments-unavailable`, `bad-request` for another chain. */
export function requireChain(
  { chainEscrows }: Pick<ChainEscrowComponents, 'chainEscrows'>,
  chain?: number,
): ChainEscrows {
  if (!chainEscrows) {
    throw gatewayError(
      'payments-unavailable',
      'This relay pays no providers, and runs no job out of an escrow on a chain.',
    );
  }
  if (chain !== undefined && chain !== chainEscrows.chain) {
    throw badRequest(`"chain" must be ${chainEscrows.chain}, on which this relay pays.`, 'chain');
  }
  return chainEscrows;
}

interface AskedEscrow extends ChainEscrowId {
  readonly chain: number;
  readonly kind: string;
  readonly model: string;
  readonly provider: string;
  readonly units: number;
  readonly price: bigint;
  /** Unix seconds. */
  readonly deadline: number;
}

/** The same words again find the escrow as it is, whether or not its provider is there. @throws as `ChainEscrows.open` does, `escrow-exists`. */
export async function openOnChain(
  components: ChainEscrowComponents,
  asked: AskedEscrow,
  options: AbortOptions,
): Promise<ChainEscrow> {
  const escrows = requireChain(components, asked.chain);
  const there = await escrows.find(asked, options);
  const { deadline, chain: _, ...rest } = asked;
  const escrow = there ?? (await escrows.open({ ...rest, deadline, ...providerOf(components, asked) }, options));
  const isSame =
    (['kind', 'model', 'provider', 'units', 'price'] as const).every((name) => escrow[name] === asked[name]) &&
    escrow.deadline === deadline * 1_000;
  if (isSame) return escrow;
  throw gatewayError(
    'escrow-exists',
    'This job has an escrow with other terms. Send the same ones, or name another job.',
  );
}

/** By its offer, which names who is paid and what for. A tab may sleep past a deadline, and takes no such channel. */
function providerOf({ directory, chainEscrows }: ChainEscrowComponents, asked: AskedEscrow) {
  const { model: name, provider, chain, units, price } = asked;
  const perUnit = chainEscrows!.creditsPerUnit;
  const total = BigInt(units) * price;
  if (name === '') throw badRequest('"model" must name a model: the provider answers with it.', 'model');
  if (total % perUnit !== 0n) {
    throw badRequest('"units" and "price_credits" must come to whole units of the token.', 'price_credits');
  }
  const [offered] = directory.entries().flatMap(({ offer: { peer, role, payout, models } }) => {
    const model = models.find((one) => one.name === name);
    return model && role === 'native' && payout?.chain === chain && payout.provider === provider
      ? [{ peer, payout, model }]
      : [];
  });
  if (!offered) {
    throw badRequest(
      `No native provider that is paid at this address on chain ${chain} serves "${name}" now. GET /v1/network lists who does.`,
      'provider',
    );
  }
  const { peer, payout, model } = offered;
  if (total < BigInt(payout.depositMin) * perUnit) {
    const least = writeCredits(BigInt(payout.depositMin) * perUnit);
    throw badRequest(`This provider serves for a deposit of at least ${least} credits.`, 'units');
  }
  const most = (price * 1_000n) / perUnit;
  if (BigInt(model.price.in) > most || BigInt(model.price.out) > most) {
    throw badRequest('"price_credits" is below what this provider asks for a thousand tokens.', 'price_credits');
  }
  return { peer, provider: payout.provider, providerSigner: payout.providerSigner };
}

export function showChainEscrow(context: Context, escrow: ChainEscrow): Response {
  const { job, kind, model, state, payer, provider, peer, units, price, spent, deadline, channel } = escrow;
  context.header('cache-control', 'no-store');
  return context.json<z.output<typeof chainEscrowSchema>>({
    object: 'escrow',
    on: 'chain',
    job,
    kind,
    model,
    state,
    payer,
    provider,
    peer,
    unit: escrowUnits.llm,
    units,
    price_credits: writeCredits(price),
    escrowed_credits: writeCredits(BigInt(units) * price),
    spent_credits: writeCredits(spent),
    deadline: Math.floor(deadline / 1_000),
    channel: { ...channel, amount: channel.amount.toString() },
  });
}

import type { Address, ChannelId, ChainEvent } from '#lib/pay/spec.ts';
import type { LocalChain } from '../integration/pay/chain.fixture.ts';

/** Where the money of all channels is, in units, by the chain alone. */
export interface BalanceSheet {
  readonly deposits: bigint;
  /** To providers and the treasury, paid out or credited. */
  readonly paid: bigint;
  readonly refunded: bigint;
  /** Still in open channels, and not claimed. */
  readonly held: bigint;
  /** What the contract has, which is what it holds and what it has credited. */
  readonly inContract: bigint;
  readonly credited: bigint;
  /** Of each payee. */
  readonly received: ReadonlyMap<Address, bigint>;
}

/** @returns with what is held of each payer. */
export async function readSheet(
  local: LocalChain,
  payees: readonly Address[],
): Promise<BalanceSheet & { readonly heldOf: ReadonlyMap<Address, bigint> }> {
  const chain = local.chain();
  const events = await chain.events(0n, (await chain.head()).number);
  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);
  const of = <Type extends ChainEvent['type']>(type: Type) =>
    events.filter((event): event is Extract<ChainEvent, { readonly type: Type }> => event.type === type);
  const deposits = sum([...of('opened'), ...of('topped-up')].map(({ amount }) => amount));
  const refunded = sum(of('closed').map(({ returned }) => returned));
  const ids = new Set<ChannelId>(of('opened').map(({ channelId }) => channelId));
  const states = await Promise.all([...ids].map((id) => chain.channel(id)));
  const closed = new Set(of('closed').map(({ channelId }) => channelId));
  const claimed = sum(states.map((state) => state.claimed));
  const held = sum(
    [...ids].map((id, index) => (closed.has(id) ? 0n : states[index]!.balance - states[index]!.claimed)),
  );
  const heldOf = new Map<Address, bigint>();
  for (const { channelId, terms } of of('opened')) {
    const state = states[[...ids].indexOf(channelId)]!;
    const rest = closed.has(channelId) ? 0n : state.balance - state.claimed;
    heldOf.set(terms.payer, (heldOf.get(terms.payer) ?? 0n) + rest);
  }
  const accounts = [...payees, local.treasury];
  const credited = sum(await Promise.all(accounts.map((account) => chain.owed(account))));
  const received = new Map(
    await Promise.all(payees.map(async (payee) => [payee, await chain.tokenBalance(payee)] as const)),
  );
  return {
    deposits,
    paid: claimed,
    refunded,
    held,
    heldOf,
    inContract: await chain.tokenBalance(chain.entry.contracts.channels),
    credited,
    received,
  };
}

/** What does not come out even; empty where all is well. */
export function complaintsOf({
  deposits,
  paid,
  refunded,
  held,
  inContract,
  credited,
}: BalanceSheet): readonly string[] {
  const complaints: string[] = [];
  const sum = paid + refunded + held;
  if (deposits !== sum) complaints.push(`deposits are ${deposits}; paid, refunded and held are ${sum}`);
  if (inContract !== held + credited) {
    complaints.push(`the contract has ${inContract}; held and credited are ${held + credited}`);
  }
  return complaints;
}

export const describeSheet = (sheet: BalanceSheet): string =>
  [
    `deposits  ${sheet.deposits}`,
    `paid      ${sheet.paid}`,
    `refunded  ${sheet.refunded}`,
    `held      ${sheet.held}`,
    ...[...sheet.received].map(([payee, units]) => `received  ${units} by ${payee}`),
  ].join('\n');

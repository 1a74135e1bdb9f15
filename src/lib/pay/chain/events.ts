import { parseEventLogs, type Log } from 'viem';
import { channelsAbi } from '#contracts/channels.ts';
import { disputesAbi } from '#contracts/disputes.ts';
import { providersAbi } from '#contracts/providers.ts';
import { closings, outcomes, refusals } from '#contracts/words.ts';
import type { ChainEvent, DeployedChain } from '../spec.ts';

/** Decodes the logs of the three contracts. Other contracts' logs and unneeded events are skipped. */
export function readChannelEvents(chain: DeployedChain, logs: readonly Log[]): readonly ChainEvent[] {
  const ours = (address: string) => logs.filter((log) => log.address.toLowerCase() === address.toLowerCase());
  const events: { readonly order: number; readonly event: ChainEvent }[] = [];
  for (const log of parseEventLogs({ abi: channelsAbi, logs: ours(chain.contracts.channels) })) {
    const event = fromChannels(log);
    if (event) events.push({ order: logs.findIndex(sameAs(log)), event });
  }
  for (const log of parseEventLogs({ abi: providersAbi, logs: ours(chain.contracts.providers) })) {
    const event = fromProviders(log);
    if (event) events.push({ order: logs.findIndex(sameAs(log)), event });
  }
  for (const log of parseEventLogs({ abi: disputesAbi, logs: ours(chain.contracts.disputes) })) {
    const event = fromDisputes(log);
    if (event) events.push({ order: logs.findIndex(sameAs(log)), event });
  }
  return events.toSorted((a, b) => a.order - b.order).map(({ event }) => event);
}

const ofChannel = [
  'ChannelOpened',
  'ToppedUp',
  'Claimed',
  'ClaimSkipped',
  'WithdrawalAnnounced',
  'ChannelClosed',
] as const;

type OfChannel = Extract<
  (typeof channelsAbi)[number],
  { readonly type: 'event'; readonly name: (typeof ofChannel)[number] }
>;

/** Events with a channel id: a follower requests only these from the node. */
export const channelEvents = channelsAbi.filter(
  (item): item is OfChannel => item.type === 'event' && ofChannel.some((name) => name === item.name),
);

type ChannelsLog = ReturnType<typeof parseEventLogs<typeof channelsAbi>>[number];
type DisputesLog = ReturnType<typeof parseEventLogs<typeof disputesAbi>>[number];
type ProvidersLog = ReturnType<typeof parseEventLogs<typeof providersAbi>>[number];

const sameAs = (log: { readonly blockHash: unknown; readonly logIndex: unknown }) => (other: Log) =>
  other.blockHash === log.blockHash && other.logIndex === log.logIndex;

function fromChannels({ eventName, args }: ChannelsLog): ChainEvent | null {
  switch (eventName) {
    case 'ChannelOpened':
      return { type: 'opened', channelId: args.channelId, terms: args.channel, amount: args.amount };
    case 'ToppedUp':
      return { type: 'topped-up', channelId: args.channelId, amount: args.amount, balance: args.balance };
    case 'Claimed':
      return { type: 'claimed', ...args };
    case 'ClaimSkipped':
      return { type: 'claim-skipped', channelId: args.channelId, refusal: refusals[args.refusal] ?? 'none' };
    case 'WithdrawalAnnounced':
      return {
        type: 'withdrawal-announced',
        channelId: args.channelId,
        withdrawableAt: Number(args.withdrawableAt),
      };
    case 'ChannelClosed':
      return { type: 'closed', ...args, closing: closings[args.closing] ?? 'cooperative' };
    case 'RelayPaid':
      return { type: 'relay-paid', relay: args.relay, provider: args.provider, amount: args.amount };
    case 'Settled':
      return { type: 'settled', ...args };
    default:
      return null;
  }
}

function fromProviders({ eventName, args }: ProvidersLog): ChainEvent | null {
  switch (eventName) {
    case 'Bonded':
      return { type: 'bonded', ...args };
    case 'UnbondingStarted':
      return {
        type: 'unbonding-started',
        provider: args.provider,
        amount: args.amount,
        at: Number(args.unbondedAt),
      };
    case 'Unbonded':
      return { type: 'unbonded', ...args };
    case 'Described':
      return { type: 'described', provider: args.provider, offerKey: args.offerKey };
    case 'Slashed':
      return { type: 'slashed', ...args };
    default:
      return null;
  }
}

function fromDisputes({ eventName, args }: DisputesLog): ChainEvent | null {
  switch (eventName) {
    case 'DisputeOpened':
      return { type: 'dispute-opened', ...args };
    case 'DisputeEnded':
      return {
        type: 'dispute-ended',
        disputeId: args.disputeId,
        outcome: outcomes[args.outcome] ?? 'none',
        slashed: args.slashed,
      };
    case 'Collected':
      return { type: 'award-collected', ...args };
    default:
      return null;
  }
}

import { TopicValidatorResult, type Message } from '@libp2p/gossipsub';
import { abortError, type AbortOptions } from '#lib/base/abort.ts';
import { equalBytes } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { messageTooLarge } from '../errors.ts';
import type { LocalNet, LocalNets } from '../local.ts';
import type { MessageRoute, Subscription } from '../spec.ts';
import { deadlineAfter } from './deadline.ts';
import type { TabloomNode } from './node.ts';
import { gossipLimits, type Tuning } from './tuning.ts';

/** Publish and subscribe over a started node; subscriptions outlive the node and move to the next one. */
export interface Gossip {
  attach(node: TabloomNode): void;
  subscribe(topic: string, subscription: Subscription): () => void;
  /** The nets of this process hear it before anybody else does. */
  publish(node: TabloomNode, topic: string, message: Uint8Array, options: AbortOptions): Promise<void>;
  readonly hearLocal: LocalNet['hear'];
}

type Verdict = ReturnType<Subscription['validate']>;

/** What a net of this process said, until the network has brought it here too. */
interface HeardLocally {
  readonly topic: string;
  readonly from: PeerId;
  readonly message: Uint8Array;
  readonly verdict: Verdict;
}

const heardLocallyMax = 64;
const results: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

export function createGossip(input: {
  readonly self: PeerId;
  readonly local: LocalNets;
  readonly clock: Clock;
  readonly tuning: Tuning;
  /** A message was rejected that `peer` handed over. */
  readonly onReject: (peer: PeerId) => void;
}): Gossip {
  const topics = new Map<string, Set<Subscription>>();
  const heardLocally: HeardLocally[] = [];
  let attached: TabloomNode | undefined;

  /** Delivers to those who accept; one rejection rejects. */
  const judge = (topic: string, message: Uint8Array, from: PeerId, passage: MessageRoute): Verdict => {
    let verdict: Verdict = 'ignore';
    for (const subscription of topics.get(topic) ?? []) {
      const own = subscription.validate(message, from, passage);
      if (own === 'reject') return 'reject';
      if (own === 'ignore') continue;
      verdict = 'accept';
      subscription.deliver(message, from);
    }
    return verdict;
  };
  const validate = (node: TabloomNode, topic: string, source: PeerId, message: Message): TopicValidatorResult => {
    if (message.type !== 'signed' || message.data.length > gossipLimits.messageBytesMax) {
      input.onReject(source);
      return TopicValidatorResult.Reject;
    }
    const from = message.from.toString();
    const known = heardLocally.find(
      (one) => one.from === from && one.topic === topic && equalBytes(one.message, message.data),
    );
    if (known) return results[known.verdict];
    const passage = { source, connected: source === from || node.getConnections(message.from).length > 0 };
    const verdict = judge(topic, message.data, from, passage);
    if (verdict === 'reject') input.onReject(source);
    return results[verdict];
  };
  const join = (node: TabloomNode, topic: string) => {
    node.services.gossip.topicValidators.set(topic, (source, message) =>
      validate(node, topic, source.toString(), message),
    );
    node.services.gossip.subscribe(topic);
  };

  return {
    attach(node) {
      attached = node;
      for (const topic of topics.keys()) join(node, topic);
    },
    subscribe(topic, subscription) {
      const known = topics.get(topic);
      if (known) known.add(subscription);
      else topics.set(topic, new Set([subscription]));
      if (!known && attached?.status === 'started') join(attached, topic);
      return () => {
        const left = topics.get(topic);
        if (!left?.delete(subscription) || left.size > 0) return;
        topics.delete(topic);
        if (attached?.status === 'started') attached.services.gossip.unsubscribe(topic);
      };
    },
    async publish(node, topic, message, { signal }) {
      if (message.length > gossipLimits.messageBytesMax) throw messageTooLarge(message.length);
      const heard = input.local.others(input.self).map((net) => net.hear(topic, message, input.self));
      const patienceMs = heard.includes(true) ? 0 : input.tuning.subscriberPatienceMs;
      await untilSubscribed(node, topic, input.clock, patienceMs, signal);
      await node.services.gossip.publish(topic, message);
    },
    hearLocal(topic, message, from) {
      if (!topics.has(topic)) return false;
      const verdict = judge(topic, message, from, { source: from, connected: true });
      // The copy that comes over the network is passed on as this one was judged, and not delivered again.
      heardLocally.push({ topic, from, message, verdict });
      if (heardLocally.length > heardLocallyMax) heardLocally.shift();
      return true;
    },
  };
}

/**
 * A node learns of its neighbours' subscriptions a moment after it has connected; what is published before reaches
 * nobody. Returns after the patience too: then nobody is listening.
 */
async function untilSubscribed(
  node: TabloomNode,
  topic: string,
  clock: Clock,
  patienceMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) throw abortError(signal);
  const { gossip } = node.services;
  if (gossip.getSubscribers(topic).length > 0) return;
  const deadline = deadlineAfter(clock, patienceMs, signal);
  await new Promise<void>((resolve) => {
    const check = () => {
      if (!deadline.signal.aborted && gossip.getSubscribers(topic).length === 0) return;
      gossip.removeEventListener('subscription-change', check);
      resolve();
    };
    gossip.addEventListener('subscription-change', check);
    deadline.signal.addEventListener('abort', check, { once: true });
  });
  deadline.clear();
  if (signal?.aborted) throw abortError(signal);
}

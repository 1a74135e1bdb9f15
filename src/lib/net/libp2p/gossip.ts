import { TopicValidatorResult, type Message } from '@libp2p/gossipsub';
import { abortError, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { messageTooLarge } from '../errors.ts';
import type { Subscription } from '../spec.ts';
import { after } from './deadline.ts';
import type { TabloomNode } from './node.ts';
import { gossipLimits, type Tuning } from './tuning.ts';

/** Publish and subscribe over a started node; subscriptions outlive the node and move to the next one. */
export interface Gossip {
  attach(node: TabloomNode): void;
  subscribe(topic: string, subscription: Subscription): () => void;
  publish(node: TabloomNode, topic: string, message: Uint8Array, options: AbortOptions): Promise<void>;
}

export function createGossip(input: {
  readonly clock: Clock;
  readonly tuning: Tuning;
  /** A message was rejected that `peer` handed over. */
  readonly onReject: (peer: PeerId) => void;
}): Gossip {
  const topics = new Map<string, Set<Subscription>>();
  let attached: TabloomNode | undefined;

  const validate = (node: TabloomNode, topic: string, source: PeerId, message: Message): TopicValidatorResult => {
    if (message.type !== 'signed' || message.data.length > gossipLimits.messageBytesMax) {
      input.onReject(source);
      return TopicValidatorResult.Reject;
    }
    const from = message.from.toString();
    const passage = { source, connected: source === from || node.getConnections(message.from).length > 0 };
    let verdict = TopicValidatorResult.Ignore;
    for (const subscription of topics.get(topic) ?? []) {
      const own = subscription.validate(message.data, from, passage);
      if (own === 'reject') {
        input.onReject(source);
        return TopicValidatorResult.Reject;
      }
      if (own === 'accept') {
        verdict = TopicValidatorResult.Accept;
        subscription.deliver(message.data, from);
      }
    }
    return verdict;
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
      await untilSubscribed(node, topic, input.clock, input.tuning.subscriberPatienceMs, signal);
      await node.services.gossip.publish(topic, message);
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
  const deadline = after(clock, patienceMs, signal);
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

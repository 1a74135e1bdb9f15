import { TopicValidatorResult, type Message } from '@libp2p/gossipsub';
import { peerIdFromString } from '@libp2p/peer-id';
import { abortError, type AbortOptions } from '#lib/base/abort.ts';
import { equalBytes } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { messageTooLarge } from '../errors.ts';
import type { LocalNet, LocalNets } from '../local.ts';
import type { MessageRoute, Subscription } from '../spec.ts';
import type { TabloomNode } from './node.ts';
import { gossipLimits, type Tuning } from './tuning.ts';

/** Publish/subscribe over a started node. Subscriptions outlive the node and carry over to the next one. */
export interface Gossip {
  attach(node: TabloomNode): void;
  subscribe(topic: string, subscription: Subscription): () => void;
  /** Delivers to the nets of this process first. */
  publish(node: TabloomNode, topic: string, message: Uint8Array, options: AbortOptions): Promise<void>;
  /** Topics on which a neighbour receives what is published here. */
  topicsOf(peer: PeerId): readonly string[];
  readonly receiveLocal: LocalNet['receive'];
}

type Verdict = ReturnType<Subscription['validate']>;

/** A message published by another net of this process, remembered until its copy arrives over the network. */
interface LocalMessage {
  readonly topic: string;
  readonly from: PeerId;
  readonly message: Uint8Array;
  readonly verdict: Verdict;
}

const localMessagesMax = 64;
const results: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

export function createGossip(input: {
  readonly self: PeerId;
  readonly topics: readonly string[];
  readonly local: LocalNets;
  readonly clock: Clock;
  readonly tuning: Tuning;
  /** Called when a message forwarded by `peer` is rejected. */
  readonly onReject: (peer: PeerId) => void;
  /** Called when the result of `topicsOf` has changed for a neighbour. */
  readonly onSubscriber?: ((peer: PeerId) => void) | undefined;
}): Gossip {
  const topics = new Map<string, Set<Subscription>>();
  const localMessages: LocalMessage[] = [];
  let attached: TabloomNode | undefined;

  /** Delivers to every subscription that accepts; a single rejection rejects the message. */
  const validateAll = (topic: string, message: Uint8Array, from: PeerId, route: MessageRoute): Verdict => {
    let verdict: Verdict = 'ignore';
    for (const subscription of topics.get(topic) ?? []) {
      const own = subscription.validate(message, from, route);
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
    const known = localMessages.find(
      (one) => one.from === from && one.topic === topic && equalBytes(one.message, message.data),
    );
    if (known) return results[known.verdict];
    const [connection] = node.getConnections(message.from);
    // What is still read from a neighbour that has been hung up on has no connection any more to answer for it.
    const route = { source, connected: connection !== undefined, address: connection?.remoteAddr.toString() };
    const verdict = validateAll(topic, message.data, from, route);
    if (verdict === 'reject') input.onReject(source);
    return results[verdict];
  };
  const join = (node: TabloomNode, topic: string) => {
    node.services.gossip.topicValidators.set(topic, (source, message) =>
      validate(node, topic, source.toString(), message),
    );
    node.services.gossip.subscribe(topic);
  };

  const followSubscribers = (node: TabloomNode, onSubscriber: (peer: PeerId) => void) => {
    node.services.gossip.addEventListener('subscription-change', ({ detail }) => {
      const peer = detail.peerId.toString();
      untilWritable(node, peer, input)
        .then(() => node.status === 'started' && onSubscriber(peer))
        .catch(() => undefined);
    });
  };

  return {
    attach(node) {
      attached = node;
      if (input.onSubscriber) followSubscribers(node, input.onSubscriber);
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
      const delivered = input.local.others(input.self).map((net) => net.receive(topic, message, input.self));
      const timeoutMs = delivered.includes(true) ? 0 : input.tuning.subscriberTimeoutMs;
      await untilSubscribed(node, topic, input.clock, timeoutMs, signal);
      await node.services.gossip.publish(topic, message);
    },
    topicsOf(peer) {
      if (attached?.status !== 'started' || !isWritable(attached, peer)) return [];
      const { gossip } = attached.services;
      return input.topics.filter((topic) => gossip.getSubscribers(topic).some((one) => one.toString() === peer));
    },
    receiveLocal(topic, message, from) {
      if (!topics.has(topic)) return false;
      const verdict = validateAll(topic, message, from, { source: from, connected: true });
      // The copy that arrives over the network gets the same verdict and is not delivered again.
      localMessages.push({ topic, from, message, verdict });
      if (localMessages.length > localMessagesMax) localMessages.shift();
      return true;
    },
  };
}

const writablePollMs = 50;

/**
 * A neighbour's subscription may arrive before our own stream to it is open, and gossipsub drops what it cannot send. It
 * reports no event when the stream opens. Also returns after the timeout.
 */
async function untilWritable(
  node: TabloomNode,
  peer: PeerId,
  { clock, tuning }: { readonly clock: Clock; readonly tuning: Tuning },
): Promise<void> {
  for (let waitedMs = 0; waitedMs < tuning.streamTimeoutMs; waitedMs += writablePollMs) {
    if (node.status !== 'started' || isWritable(node, peer)) return;
    await clock.delay(writablePollMs);
  }
}

const isWritable = (node: TabloomNode, peer: PeerId): boolean =>
  node
    .getConnections(peerIdFromString(peer))
    .flatMap(({ streams }) => streams)
    .some(({ direction, protocol }) => direction === 'outbound' && node.services.gossip.protocols.includes(protocol));

/**
 * A node learns its neighbours' subscriptions shortly after connecting, and messages published before that reach no
 * one. Also returns after the timeout, when there are no subscribers.
 */
async function untilSubscribed(
  node: TabloomNode,
  topic: string,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) throw abortError(signal);
  const { gossip } = node.services;
  if (gossip.getSubscribers(topic).length > 0) return;
  const deadline = startDeadline(clock, timeoutMs, { signal });
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

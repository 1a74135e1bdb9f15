import type { PeerId } from '#lib/protocol/ids.ts';
import type { DenyList } from '../deny-list.ts';
import type { MessageRoute, Subscription } from '../spec.ts';
import type { MemoryNetworkContext } from '../memory.fixture.ts';

/**
 * Delivers directly to every subscriber of the topic; each validates the message, as a relay does before forwarding.
 */
export function publishTo(context: MemoryNetworkContext, from: PeerId, topic: string, message: Uint8Array): void {
  for (const [peer, target] of context.peers) {
    if (peer === from) continue;
    const conditions = context.conditions(from, peer);
    if (conditions.publishLoss > 0 && context.random.float() < conditions.publishLoss) continue;
    const isDoubled = conditions.publishDuplication > 0 && context.random.float() < conditions.publishDuplication;
    for (let copies = isDoubled ? 2 : 1; copies > 0; copies--) {
      const copy = message.slice();
      const arrive = () => {
        if (!context.partitions.isPartitioned(from, peer)) target.receive(topic, copy, from);
      };
      const { latencyMs, publishJitterMs } = conditions;
      const waitMs = latencyMs + (publishJitterMs > 0 ? publishJitterMs * context.random.float() : 0);
      if (waitMs > 0) context.clock.delay(waitMs).then(arrive, () => undefined);
      else queueMicrotask(arrive);
    }
  }
}

/** Validates and delivers; a rejection counts against the sender. */
export function deliverMessage(
  subscriptions: Iterable<Subscription>,
  denied: DenyList,
  message: Uint8Array,
  route: MessageRoute,
): void {
  const from = route.source;
  if (denied.denies(from)) return;
  for (const subscription of subscriptions) {
    const verdict = subscription.validate(message, from, route);
    if (verdict === 'accept') subscription.deliver(message, from);
    else if (verdict === 'reject') denied.reject(from);
  }
}

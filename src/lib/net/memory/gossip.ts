import type { PeerId } from '#lib/protocol/ids.ts';
import type { DenyList } from '../deny-list.ts';
import type { Subscription } from '../spec.ts';
import type { MemoryGround } from './network.ts';

/** Reaches every subscriber of the topic directly; each validates for itself, as a relay does before it forwards. */
export function publishTo(ground: MemoryGround, from: PeerId, topic: string, message: Uint8Array): void {
  for (const [peer, target] of ground.peers) {
    if (peer === from) continue;
    const weather = ground.weather(from, peer);
    if (weather.publishLoss > 0 && ground.random.float() < weather.publishLoss) continue;
    const copy = message.slice();
    const arrive = () => {
      if (!ground.gaps.isOpen(from, peer)) target.hear(topic, copy, from);
    };
    if (weather.latencyMs > 0) ground.clock.delay(weather.latencyMs).then(arrive, () => undefined);
    else queueMicrotask(arrive);
  }
}

/** Validates, delivers, and holds a rejection against the sender. */
export function hearMessage(
  subscriptions: Iterable<Subscription>,
  denied: DenyList,
  message: Uint8Array,
  from: PeerId,
): void {
  if (denied.denies(from)) return;
  for (const subscription of subscriptions) {
    const verdict = subscription.validate(message, from, { source: from, connected: true });
    if (verdict === 'accept') subscription.deliver(message, from);
    else if (verdict === 'reject') denied.reject(from);
  }
}

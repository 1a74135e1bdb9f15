import type { Clock } from '#lib/base/clock.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { messageText, type ChatMessage } from '#lib/protocol/kinds/chat.ts';
import type { AskRequest } from '../spec.ts';

/**
 * Which worker answered a conversation last: it may still hold what it has read, and then reads the new message alone. It has
 * also seen the conversation already, which others need not.
 */
export interface Conversations {
  note(request: AskRequest, worker: PeerId): void;
  /** The worker of the answer that this request goes on from; undefined after ten minutes, or for a first question. */
  worker(request: AskRequest): PeerId | undefined;
}

const conversationsMax = 1_024;
/** After that another job has taken the place in its memory, or its tab is closed. */
const keptMs = 10 * 60_000;

export function createConversations(clock: Pick<Clock, 'elapsed'>): Conversations {
  const workers = new Map<string, { readonly peer: PeerId; readonly atMs: number }>();
  return {
    note(request, peer) {
      if (request.kind !== 'chat') return;
      const key = keyOf(request.input.messages);
      workers.delete(key);
      workers.set(key, { peer, atMs: clock.elapsed() });
      if (workers.size <= conversationsMax) return;
      const [oldest] = workers.keys();
      workers.delete(oldest!);
    },
    worker(request) {
      if (request.kind !== 'chat') return undefined;
      const { messages } = request.input;
      const answered = messages.findLastIndex(({ role }) => role === 'assistant');
      const known = answered > 0 ? workers.get(keyOf(messages.slice(0, answered))) : undefined;
      return known && clock.elapsed() - known.atMs < keptMs ? known.peer : undefined;
    },
  };
}

/** Two conversations that share a key would only share a preference: speed is worth more here than certainty. */
function keyOf(messages: readonly ChatMessage[]): string {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (const message of messages) {
    const text = `${message.role}\n${messageText(message)}\n`;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      a = Math.imul(a ^ unit, 2_654_435_761);
      b = Math.imul(b ^ unit, 1_597_334_677);
    }
  }
  return `${messages.length} ${a >>> 0} ${b >>> 0}`;
}

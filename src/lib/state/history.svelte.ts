import { conversationsMax, type ConversationRecord } from './records.ts';
import type { HistoryPort } from './tab.ts';

/** The conversations saved on this device: pinned ones first, then the newest. */
export class History {
  conversations = $state.raw<readonly ConversationRecord[]>([]);
  #port: HistoryPort | undefined;

  async attach(port: HistoryPort): Promise<void> {
    this.#port = port;
    this.#set((await port.list()) ?? []);
  }

  find(id: string): ConversationRecord | undefined {
    return this.conversations.find((record) => record.id === id);
  }

  /** Updates the list after a save without reloading it. */
  note(record: ConversationRecord): void {
    this.#set([record, ...this.conversations.filter(({ id }) => id !== record.id)]);
  }

  drop(id: string): void {
    this.conversations = this.conversations.filter((record) => record.id !== id);
  }

  /** Removes it from the list at once, and from storage after `quiet` resolves, when nothing writes to it any more. */
  async remove(id: string, quiet?: Promise<void>): Promise<void> {
    this.drop(id);
    await quiet;
    // A write that was still in progress may have put it back on the list.
    this.drop(id);
    await this.#port?.remove(id);
  }

  #set(records: readonly ConversationRecord[]): void {
    this.conversations = [...records].sort(inOrder).slice(0, conversationsMax);
  }
}

const inOrder = (a: ConversationRecord, b: ConversationRecord): number =>
  Number(b.pinned ?? false) - Number(a.pinned ?? false) || b.updatedAt - a.updatedAt;

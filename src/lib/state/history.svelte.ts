import { conversationsMax, type ConversationRecord } from './records.ts';
import type { HistoryPort } from './tab.ts';

/** The conversations saved on this device, newest first. */
export class History {
  conversations = $state.raw<readonly ConversationRecord[]>([]);
  #port: HistoryPort | undefined;

  async attach(port: HistoryPort): Promise<void> {
    this.#port = port;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const kept = (await this.#port?.list()) ?? [];
    this.conversations = [...kept].sort((a, b) => b.updatedAt - a.updatedAt).slice(0, conversationsMax);
  }

  /** Updates the list after a save without reloading it. */
  note(record: ConversationRecord): void {
    const others = this.conversations.filter(({ id }) => id !== record.id);
    this.conversations = [record, ...others].slice(0, conversationsMax);
  }

  /** Removes it from the list at once, and from storage after `quiet` resolves, when nothing writes to it any more. */
  async remove(id: string, quiet?: Promise<void>): Promise<void> {
    this.#drop(id);
    await quiet;
    // A write that was still in progress may have put it back on the list.
    this.#drop(id);
    await this.#port?.remove(id);
  }

  #drop(id: string): void {
    this.conversations = this.conversations.filter((record) => record.id !== id);
  }
}

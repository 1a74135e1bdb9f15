import { conversationsMax, type ConversationRecord } from './records.ts';
import type { HistoryPort } from './tab.ts';

/** The conversations kept on this device, newest first. */
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

  /** Puts a conversation that was just saved at its place, without reading everything again. */
  note(record: ConversationRecord): void {
    const others = this.conversations.filter(({ id }) => id !== record.id);
    this.conversations = [record, ...others].slice(0, conversationsMax);
  }

  /** Takes it off the list at once, and out of the storage after `quiet`: once nobody writes to it any more. */
  async remove(id: string, quiet?: Promise<void>): Promise<void> {
    this.#drop(id);
    await quiet;
    // What was being written when it was taken off the list has put it there again.
    this.#drop(id);
    await this.#port?.remove(id);
  }

  #drop(id: string): void {
    this.conversations = this.conversations.filter((record) => record.id !== id);
  }
}

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

  async remove(id: string): Promise<void> {
    await this.#port?.remove(id);
    this.conversations = this.conversations.filter((record) => record.id !== id);
  }
}

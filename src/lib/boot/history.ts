import { z } from 'zod';
import type { JobState } from '#lib/peer/lifecycle.ts';
import type { KeyValue, Write } from '#lib/storage/spec.ts';

/** Conversations in storage: a record each, and their turns under `<conversation>/<number>`. */
export interface HistoryKeeper {
  list(): Promise<readonly KeptConversation[]>;
  turns(conversation: string): Promise<readonly KeptTurn[]>;
  /** Writes the conversation and those of its turns that changed since the last time. */
  save(conversation: KeptConversation, turns: readonly KeptTurn[]): Promise<void>;
  remove(conversation: string): Promise<void>;
}

export type KeptConversation = z.output<typeof conversationSchema>;
export type KeptTurn = z.output<typeof turnSchema>;

const conversationsMax = 500;
const turnsMax = 400;

const idSchema = z.string().regex(/^[0-9a-f]{32}$/);

const conversationSchema = z.object({
  id: idSchema,
  title: z.string().max(120),
  createdAt: z.number(),
  updatedAt: z.number(),
  turns: z.number().int().nonnegative(),
});

/** Of an answer only what pages rely on is looked at; the rest is what the reducer made of it. */
const answerSchema = z.custom<JobState>(
  (value) =>
    z
      .object({
        phase: z.enum(['routing', 'opening', 'queued', 'streaming', 'finished', 'failed', 'cancelled']),
        attempts: z.array(z.looseObject({ worker: z.looseObject({ peer: z.string() }) })),
        text: z.string(),
        tokens: z.number(),
        warnings: z.array(z.unknown()),
        rejections: z.array(z.unknown()),
      })
      .safeParse(value).success,
);

const turnSchema = z.object({
  id: idSchema,
  question: z.string(),
  askedAt: z.number(),
  answer: answerSchema,
  leftOut: z.number().int().nonnegative(),
  ids: z.array(z.number().int().nonnegative()).readonly().optional(),
});

export function keepHistory(storage: KeyValue): HistoryKeeper {
  /** What is stored of each turn, by identity: a turn that has ended is never written twice. */
  const written = new Map<string, unknown>();
  const turnKey = (conversation: string, index: number) => `${conversation}/${String(index).padStart(6, '0')}`;

  return {
    async list() {
      const entries = await storage.list('conversations', { limit: conversationsMax });
      return entries.flatMap(({ value }) => conversationSchema.safeParse(value).data ?? []);
    },
    async turns(conversation) {
      const entries = await storage.list('messages', { prefix: `${conversation}/`, limit: turnsMax });
      return entries.flatMap(({ value }) => turnSchema.safeParse(value).data ?? []);
    },
    async save(conversation, turns) {
      const changed = turns
        .slice(0, turnsMax)
        .map((turn, index) => ({ key: turnKey(conversation.id, index), turn }))
        .filter(({ key, turn }) => written.get(key) !== turn.answer);
      const writes: Write[] = [
        { type: 'put', store: 'conversations', key: conversation.id, value: conversation },
        ...changed.map(({ key, turn }): Write => ({ type: 'put', store: 'messages', key, value: turn })),
      ];
      await storage.batch(writes);
      written.clear();
      turns.forEach((turn, index) => written.set(turnKey(conversation.id, index), turn.answer));
    },
    async remove(conversation) {
      const entries = await storage.list('messages', { prefix: `${conversation}/`, limit: turnsMax });
      await storage.batch([
        { type: 'delete', store: 'conversations', key: conversation },
        ...entries.map(({ key }): Write => ({ type: 'delete', store: 'messages', key })),
      ]);
    },
  };
}

import { z } from 'zod';
import type { JobState } from '#lib/peer/session/job-state.ts';
import { emptyOutput } from '#lib/protocol/output.ts';
import type { ConversationRecord, TurnRecord } from '#lib/state/records.ts';
import type { HistoryPort } from '#lib/state/tab.ts';
import type { KeyValue, Write } from '#lib/storage/spec.ts';

const conversationsMax = 500;
/** Their keys are random, so all are read to find the newest; more than the limit exist only for a moment. */
const conversationsReadMax = 2_000;
const turnsMax = 400;

const idSchema = z.string().regex(/^[0-9a-f]{32}$/);

const conversationSchema: z.ZodType<ConversationRecord> = z.object({
  id: idSchema,
  title: z.string().max(120),
  createdAt: z.number(),
  updatedAt: z.number(),
  turns: z.number().int().nonnegative(),
});

/**
 * Checks only what the pages rely on; the rest is the reducer's own state. Members that an older build did not write are
 * filled in.
 */
const answerSchema = z
  .custom<StoredAnswer>(
    (value) =>
      z
        .object({
          phase: z.enum(['routing', 'opening', 'queued', 'streaming', 'finished', 'failed', 'cancelled']),
          attempts: z.array(z.looseObject({ worker: z.looseObject({ peer: z.string() }) })),
          text: z.string(),
          output: z.looseObject({}).optional(),
          tokens: z.number(),
          warnings: z.array(z.unknown()),
          rejections: z.array(z.unknown()),
        })
        .safeParse(value).success,
  )
  .transform((answer): JobState =>
    answer.output
      ? (answer as JobState)
      : { ...answer, output: { ...emptyOutput, text: answer.text, tokens: answer.tokens } },
  );

type StoredAnswer = Omit<JobState, 'output'> & Partial<Pick<JobState, 'output'>>;

const turnSchema: z.ZodType<TurnRecord> = z.object({
  id: idSchema,
  question: z.string(),
  askedAt: z.number(),
  answer: answerSchema,
  leftOut: z.number().int().nonnegative(),
  ids: z.array(z.number().int().nonnegative()).readonly().optional(),
});

/**
 * Conversations in storage, newest first: one record each, and their turns under `<conversation>/<time>-<turn>`. Each turn has
 * a key of its own, so that two tabs in one conversation, or a turn that can no longer be read, never move or overwrite
 * another. Saving writes the turns that have changed; past the limit the oldest conversation is deleted.
 */
export function keepHistory(storage: KeyValue): HistoryPort {
  /** The key that each answer is stored under: one that has ended is never written twice. */
  const written = new WeakMap<JobState, string>();
  const known = new Set<string>();
  const turnKey = (conversation: string, { id, askedAt }: TurnRecord) =>
    `${conversation}/${String(Math.max(0, Math.trunc(askedAt))).padStart(15, '0')}-${id}`;

  const readAll = async () => {
    const entries = await storage.list('conversations', { limit: conversationsReadMax });
    return entries
      .flatMap(({ value }) => conversationSchema.safeParse(value).data ?? [])
      .sort((a, b) => b.updatedAt - a.updatedAt);
  };

  const remove = async (conversation: string) => {
    for (;;) {
      const entries = await storage.list('messages', { prefix: `${conversation}/`, limit: turnsMax });
      await storage.batch([
        { type: 'delete', store: 'conversations', key: conversation },
        ...entries.map(({ key }): Write => ({ type: 'delete', store: 'messages', key })),
      ]);
      if (entries.length < turnsMax) return;
    }
  };

  return {
    list: async () => (await readAll()).slice(0, conversationsMax),
    async turns(conversation) {
      const entries = await storage.list('messages', { prefix: `${conversation}/`, limit: turnsMax });
      const turns = new Map<string, TurnRecord>();
      for (const { key, value } of entries) {
        const turn = turnSchema.safeParse(value).data;
        if (!turn) continue;
        turns.set(turn.id, turn);
        written.set(turn.answer, key);
      }
      return [...turns.values()];
    },
    async save(conversation, turns) {
      const changed = turns
        .slice(0, turnsMax)
        .map((turn) => ({ key: turnKey(conversation.id, turn), turn }))
        .filter(({ key, turn }) => written.get(turn.answer) !== key);
      const writes: Write[] = [
        { type: 'put', store: 'conversations', key: conversation.id, value: conversation },
        ...changed.map(({ key, turn }): Write => ({ type: 'put', store: 'messages', key, value: turn })),
      ];
      await storage.batch(writes);
      for (const { key, turn } of changed) written.set(turn.answer, key);
      if (known.has(conversation.id)) return;
      known.add(conversation.id);
      for (const { id } of (await readAll()).slice(conversationsMax)) await remove(id);
    },
    remove,
  };
}

import { z } from 'zod';
import { systemClock, type Clock } from '#lib/base/clock.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import { emptyOutput } from '#lib/protocol/output.ts';
import type { ConversationRecord, HistoryChange, TurnRecord } from '#lib/state/records.ts';
import type { HistoryPort } from '#lib/state/tab.ts';
import type { KeyValue, Write } from '#lib/storage/spec.ts';
import { attachmentSchema } from './stored-attachment.ts';
import { keepShelf } from './shelf.ts';
import { keepUnsent } from './unsent-attachments.ts';

const conversationsMax = 500;
/** Their keys are random, so all are read to find the newest; more than the limit exist only for a moment. */
const conversationsReadMax = 2_000;
const turnsMax = 5_000;
const titleLengthMax = 120;
const folderLengthMax = 60;
const tagLengthMax = 40;
const tagsMax = 20;

const idSchema = z.string().regex(/^[0-9a-f]{32}$/);

export const chatOptionsSchema = z.object({
  system: z.string().max(8_000).optional(),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  answerTokensMax: z.number().int().min(16).max(8_192).optional(),
  tier: z.enum(['verified', 'confidential']).optional(),
  tools: z.array(z.enum(['calculator', 'clock', 'javascript'])).optional(),
  servers: z.array(z.string().max(64)).max(8).optional(),
  meaning: z.literal(true).optional(),
  about: z.boolean().optional(),
  shelf: z.literal(true).optional(),
});

const conversationSchema: z.ZodType<ConversationRecord> = z.object({
  id: idSchema,
  title: z.string().max(titleLengthMax),
  createdAt: z.number(),
  updatedAt: z.number(),
  turns: z.number().int().nonnegative(),
  named: z.boolean().optional(),
  pinned: z.boolean().optional(),
  folder: z.string().min(1).max(folderLengthMax).optional().catch(undefined),
  tags: z.array(z.string().min(1).max(tagLengthMax)).max(tagsMax).readonly().optional().catch(undefined),
  archived: z.literal(true).optional().catch(undefined),
  tip: idSchema.optional(),
  options: chatOptionsSchema
    // What this build cannot use costs the options, not the conversation.
    .optional()
    .catch(undefined),
  comparing: z.array(idSchema).max(2).readonly().optional().catch(undefined),
});

const passagesSchema = z.object({ sent: z.number(), of: z.number() }).optional();

const toolResultSchema = z.object({
  id: z.string(),
  name: z.string(),
  arguments: z.string(),
  text: z.string(),
  outcome: z.enum(['done', 'failed']),
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

const changeSchema: z.ZodType<HistoryChange> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('saved'), record: conversationSchema, answering: z.boolean() }),
  z.object({ type: z.literal('removed'), id: idSchema }),
  z.object({ type: z.literal('opened'), id: idSchema }),
]);

/** Carries changes between the tabs of this browser: a `BroadcastChannel`. */
export type HistoryChannel = Pick<BroadcastChannel, 'postMessage' | 'onmessage'>;

type StoredAnswer = Omit<JobState, 'output'> & Partial<Pick<JobState, 'output'>>;

const turnSchema: z.ZodType<TurnRecord> = z.object({
  id: idSchema,
  parent: idSchema.nullish(),
  question: z.string(),
  continues: z.boolean().optional(),
  results: z.array(toolResultSchema).optional(),
  askedAt: z.number(),
  prompt: z.string().optional(),
  attachments: z
    .array(attachmentSchema.extend({ passages: passagesSchema, from: z.literal('shelf').optional() }))
    .optional(),
  answer: answerSchema,
  leftOut: z.number().int().nonnegative(),
  picturesLeftOut: z.number().int().nonnegative().optional(),
  thinking: z.object({ sinceMs: z.number(), untilMs: z.number().optional() }).optional().catch(undefined),
  ids: z.array(z.number().int().nonnegative()).readonly().optional(),
});

/**
 * Conversations in storage, newest first: one record each, and their turns under `<conversation>/<time>-<turn>`. Each turn has
 * a key of its own, so that two tabs in one conversation, or a turn that can no longer be read, never move or overwrite
 * another. Saving writes the turns that have changed; past the limit the oldest conversation is deleted.
 */
export function keepHistory(
  storage: KeyValue,
  channel?: HistoryChannel,
  clock: Pick<Clock, 'now'> = systemClock,
): HistoryPort {
  /** The key that each answer is stored under: one that has ended is never written twice. */
  let written = new WeakMap<JobState, string>();
  const tell = (change: HistoryChange) => channel?.postMessage(change);
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
    // It may be put back, and then all of it has to be written.
    written = new WeakMap();
    for (;;) {
      const entries = await storage.list('messages', { prefix: `${conversation}/`, limit: turnsMax });
      await storage.batch([
        { type: 'delete', store: 'conversations', key: conversation },
        ...entries.map(({ key }): Write => ({ type: 'delete', store: 'messages', key })),
      ]);
      if (entries.length < turnsMax) return;
    }
  };

  const unsent = keepUnsent(storage, clock);

  return {
    unsent,
    shelf: keepShelf(storage, clock),
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
    async save(conversation, turns, answering = false) {
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
      tell({ type: 'saved', record: conversation, answering });
      if (known.has(conversation.id)) return;
      known.add(conversation.id);
      for (const { id } of (await readAll()).slice(conversationsMax)) await remove(id);
    },
    async remove(conversation) {
      await remove(conversation);
      await unsent.write(conversation, []);
      tell({ type: 'removed', id: conversation });
    },
    noteOpened: (id) => tell({ type: 'opened', id }),
    follow(listener) {
      if (!channel) return () => undefined;
      // A tab of another version may say what this one does not know.
      channel.onmessage = ({ data }: MessageEvent<unknown>) => {
        const change = changeSchema.safeParse(data).data;
        if (change) listener(change);
      };
      return () => (channel.onmessage = null);
    },
  };
}

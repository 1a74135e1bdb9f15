import { z } from 'zod';
import { goOn } from './records.ts';
import type { Transcript, TranscriptTurn } from './transcript-spec.ts';

/** A message of another program: a node in a tree. */
interface Message {
  readonly id: string;
  readonly parent: string | null;
  readonly role: string;
  readonly text: string;
  readonly at: number;
  readonly model?: string | undefined;
}

const messagesMax = 20_000;
const seconds = z.number().nonnegative().nullish();

/** An export of ChatGPT: `conversations.json` is a list of these. */
const chatGptSchema = z.object({
  id: z.string().optional(),
  conversation_id: z.string().optional(),
  title: z.string().nullish(),
  create_time: seconds,
  current_node: z.string().nullish(),
  mapping: z.record(
    z.string(),
    z.object({
      parent: z.string().nullish(),
      message: z
        .object({
          author: z.object({ role: z.string() }),
          create_time: seconds,
          content: z.object({ parts: z.array(z.unknown()).optional(), text: z.string().optional() }),
          metadata: z.object({ model_slug: z.string().nullish() }).optional(),
        })
        .nullish(),
    }),
  ),
});

/** An export of Open WebUI: a list of these, or one. */
const openWebUiSchema = z.object({
  id: z.string().optional(),
  title: z.string().nullish(),
  archived: z.boolean().nullish(),
  meta: z
    .object({ tags: z.array(z.string()).optional().catch(undefined) })
    .nullish()
    .catch(undefined),
  chat: z.object({
    title: z.string().nullish(),
    tags: z.array(z.string()).optional().catch(undefined),
    system: z.string().nullish(),
    history: z.object({
      currentId: z.string().nullish(),
      messages: z.record(
        z.string(),
        z.object({
          parentId: z.string().nullish(),
          role: z.string(),
          content: z.string(),
          timestamp: seconds,
          model: z.string().nullish(),
        }),
      ),
    }),
  }),
});

/** Those that are understood; nothing else in the file hinders them. */
export function readForeign(data: unknown): readonly Transcript[] {
  const items = Array.isArray(data) ? data : [data];
  return items.flatMap((item) => {
    const chatGpt = chatGptSchema.safeParse(item).data;
    if (chatGpt) return fromChatGpt(chatGpt);
    const openWebUi = openWebUiSchema.safeParse(item).data;
    return openWebUi ? fromOpenWebUi(openWebUi) : [];
  });
}

function fromChatGpt(chat: z.output<typeof chatGptSchema>): readonly Transcript[] {
  const messages = Object.entries(chat.mapping).map(([id, { parent, message }]): Message => ({
    id,
    parent: parent ?? null,
    role: message?.author.role ?? '',
    text: [...(message?.content.parts ?? []).filter((part) => typeof part === 'string'), message?.content.text ?? '']
      .filter(Boolean)
      .join('\n'),
    at: (message?.create_time ?? chat.create_time ?? 0) * 1_000,
    model: message?.metadata?.model_slug ?? undefined,
  }));
  const first = messages[0]?.id ?? '';
  return transcriptOf(chat.conversation_id ?? chat.id ?? first, chat.title, messages, chat.current_node);
}

function fromOpenWebUi({ id, title, archived, meta, chat }: z.output<typeof openWebUiSchema>): readonly Transcript[] {
  const { currentId, messages: kept } = chat.history;
  const messages = Object.entries(kept).map(([own, message]): Message => ({
    id: own,
    parent: message.parentId ?? null,
    role: message.role,
    text: message.content,
    at: (message.timestamp ?? 0) * 1_000,
    model: message.model ?? undefined,
  }));
  const [transcript] = transcriptOf(id ?? messages[0]?.id ?? '', chat.title ?? title, messages, currentId);
  const tags = meta?.tags ?? chat.tags;
  return transcript
    ? [
        {
          ...transcript,
          system: chat.system ?? undefined,
          ...(tags?.length ? { tags } : {}),
          ...(archived ? { archived } : {}),
        },
      ]
    : [];
}

/**
 * Each answer becomes a turn with the question above it; a question without any becomes a turn without an answer, and an answer
 * after an answer goes on with it.
 */
function transcriptOf(
  id: string,
  title: string | null | undefined,
  all: readonly Message[],
  current: string | null | undefined,
): readonly Transcript[] {
  const byId = new Map(all.slice(0, messagesMax).map((message) => [message.id, message]));
  const speaks = ({ role, text }: Message) => (role === 'user' || role === 'assistant') && text.trim() !== '';
  /** The nearest message above that a person reads. */
  const above = ({ parent }: Message): Message | undefined => {
    const seen = new Set<string>();
    let at = parent;
    while (at !== null && !seen.has(at)) {
      seen.add(at);
      const message = byId.get(at);
      if (!message) return undefined;
      if (speaks(message)) return message;
      at = message.parent;
    }
    return undefined;
  };
  const turnFor = (message: Message): TranscriptTurn => {
    const before = above(message);
    const asks = message.role === 'user' ? message : before?.role === 'user' ? before : undefined;
    return {
      id: message.id,
      parent: (asks ? above(asks) : before)?.id ?? null,
      question: asks?.text ?? goOn,
      ...(asks ? {} : { continues: true }),
      answer: message.role === 'user' ? '' : message.text,
      model: message.model,
      askedAt: asks?.at ?? message.at,
    };
  };
  const spoken = [...byId.values()].filter(speaks);
  const answered = new Set(spoken.filter(({ role }) => role === 'assistant').map((message) => above(message)?.id));
  const turns = new Map(
    spoken
      .filter(({ id: own, role }) => role === 'assistant' || !answered.has(own))
      .map((message) => [message.id, turnFor(message)] as const),
  );
  if (turns.size === 0) return [];
  const tip = current ? turns.get(current) : undefined;
  return [{ id, title: title ?? '', turns: inOrder([...turns.values()]), ...(tip ? { tip: tip.id } : {}) }];
}

/** Each after the one it follows, earlier ones first; a circle is cut where it is met. */
function inOrder(turns: readonly TranscriptTurn[]): readonly TranscriptTurn[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const placed = new Map<string, TranscriptTurn>();
  for (const turn of [...turns].sort((a, b) => a.askedAt - b.askedAt)) {
    const line: TranscriptTurn[] = [];
    let at: TranscriptTurn | undefined = turn;
    while (at && !placed.has(at.id) && !line.includes(at)) {
      line.push(at);
      at = at.parent === null ? undefined : byId.get(at.parent);
    }
    for (const one of line.toReversed())
      placed.set(one.id, one.parent !== null && placed.has(one.parent) ? one : { ...one, parent: null });
  }
  return [...placed.values()];
}

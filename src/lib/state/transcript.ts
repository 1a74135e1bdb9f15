import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { utf8Encode } from '#lib/base/bytes.ts';
import { initialJob, type JobState } from '#lib/peer/session/job-state.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import { emptyOutput } from '#lib/protocol/output.ts';
import { folderName } from './folders.ts';
import { readForeign } from './foreign-chats.ts';
import { titleLengthMax, turnsMax, type TurnRecord } from './records.ts';
import { tagsOf } from './tags.ts';
import type { ToolResult } from './tools/toolbox.ts';
import type { Saved, Transcript, TranscriptTurn } from './transcript-spec.ts';
import { linkTurns, pathTo } from './turn-tree.ts';

const transcriptsMax = 2_000;

export const transcriptSchema: z.ZodType<Transcript> = z.object({
  id: z.string().max(128),
  title: z.string(),
  system: z.string().optional(),
  folder: z.string().optional(),
  tags: z.array(z.string()).max(1_000).optional(),
  archived: z.boolean().optional(),
  tip: z.string().optional(),
  turns: z
    .array(
      z.object({
        id: z.string().max(128),
        parent: z.string().max(128).nullable(),
        question: z.string(),
        continues: z.boolean().optional(),
        results: z
          .array(
            z.object({
              id: z.string().max(128),
              name: z.string().max(64),
              arguments: z.string(),
              text: z.string(),
              outcome: z.enum(['done', 'failed']),
            }),
          )
          .max(128)
          .optional(),
        answer: z.string(),
        model: z.string().optional(),
        askedAt: z.number().nonnegative(),
      }),
    )
    .max(turnsMax),
});

const fileSchema = z.object({
  tabloom: z.literal('conversations'),
  version: z.literal(1),
  conversations: z.array(transcriptSchema).max(transcriptsMax),
});

/** @param which all versions, or only the path that is on screen. */
export function toTranscript({ record, turns }: Saved, which: 'all' | 'path'): Transcript {
  const linked = linkTurns(turns);
  const chosen = which === 'all' ? linked : pathTo(linked, record.tip);
  return {
    id: record.id,
    title: record.title,
    system: record.options?.system,
    ...(which === 'all' ? placeOf(record) : {}),
    tip: record.tip,
    turns: chosen.map(({ id, parent, question, continues, results, answer, askedAt }) => ({
      id,
      parent,
      question,
      continues,
      results,
      answer: answer.text,
      model: answer.attempts.at(-1)?.worker.model,
      askedAt,
    })),
  };
}

/** Where it is kept here: nothing of what is given away. */
const placeOf = ({ folder, tags, archived }: Saved['record']): Partial<Transcript> => ({
  ...(folder ? { folder } : {}),
  ...(tags?.length ? { tags } : {}),
  ...(archived ? { archived } : {}),
});

export const toJson = (transcripts: readonly Transcript[]): string =>
  JSON.stringify({ tabloom: 'conversations', version: 1, conversations: transcripts }, undefined, 1);

/** What is on screen, to be read. */
export function toMarkdown(transcript: Transcript): string {
  const turns = transcript.turns.flatMap(({ question, continues, results = [], answer, model }) => [
    ...results.map(({ name, arguments: given, text }) => `_${name}_\n\n${codeBlock(given)}\n\n${codeBlock(text)}`),
    ...(continues || results.length > 0 ? [] : [`## ${question.includes('\n') ? 'Question' : question}`]),
    ...(question.includes('\n') && !continues ? [question] : []),
    ...(model ? [`_${model}_`] : []),
    answer,
  ]);
  return `${[`# ${transcript.title}`, ...turns].filter((text) => text.trim() !== '').join('\n\n')}\n`;
}

const codeBlock = (text: string): string => {
  const fence = '`'.repeat(Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length)) + 1);
  return `${fence}\n${text}\n${fence}`;
};

/**
 * The conversations in a file: of this app, of Open WebUI, or of ChatGPT (`conversations.json`).
 * @throws `import-unreadable`.
 */
export function readTranscripts(text: string): readonly Transcript[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw unreadable();
  }
  const own = fileSchema.safeParse(data).data;
  if (own) return own.conversations;
  const foreign = readForeign(data).slice(0, transcriptsMax);
  if (foreign.length === 0) throw unreadable();
  return foreign;
}

const unreadable = () =>
  new TabloomError(
    'import-unreadable',
    'This file holds no conversations. Choose a JSON export of Tabloom, Open WebUI or ChatGPT (conversations.json).',
  );

/** As it is saved here. Ids follow from those of the file, so that the same conversation is the same record each time. */
export function toSaved(transcript: Transcript): Saved {
  const id = ownId(transcript.id);
  const turnId = (turn: string) => ownId(turn, id);
  const calls = new Map(
    transcript.turns.flatMap(({ parent, results }) => (results ? [[parent, results] as const] : [])),
  );
  const askedAt = new Map<string | null, number>();
  const turns = transcript.turns.map((turn): TurnRecord => {
    // Keys sort by time: a turn never comes before the one it follows.
    const at = Math.max(Math.trunc(turn.askedAt), (askedAt.get(turn.parent) ?? -1) + 1);
    askedAt.set(turn.id, at);
    return {
      id: turnId(turn.id),
      parent: turn.parent === null ? null : turnId(turn.parent),
      question: turn.question,
      ...(turn.continues ? { continues: true } : {}),
      ...(turn.results?.length ? { results: turn.results } : {}),
      askedAt: at,
      answer: answerOf(turn, calls.get(turn.id) ?? []),
      leftOut: 0,
    };
  });
  const times = turns.map((turn) => turn.askedAt);
  const folder = folderName(transcript.folder ?? '');
  const tags = tagsOf((transcript.tags ?? []).map((tag) => tag.trim().replaceAll(/\s+/g, '-')).join(' '));
  return {
    record: {
      id,
      title: transcript.title.replace(/\s+/g, ' ').trim().slice(0, titleLengthMax) || '…',
      named: true,
      createdAt: times[0] ?? 0,
      updatedAt: times.reduce((latest, at) => Math.max(latest, at), 0),
      turns: turns.length,
      ...(transcript.tip === undefined ? {} : { tip: turnId(transcript.tip) }),
      ...(folder ? { folder } : {}),
      ...(tags.length > 0 ? { tags } : {}),
      ...(transcript.archived ? { archived: true } : {}),
      ...(transcript.system ? { options: { system: transcript.system.slice(0, 8_000) } } : {}),
    },
    turns,
  };
}

/** Nobody vouches for it here: it has no worker and no receipt. */
const answerOf = ({ answer, askedAt }: TranscriptTurn, results: readonly ToolResult[]): JobState => ({
  ...initialJob,
  phase: answer === '' && results.length === 0 ? 'cancelled' : 'finished',
  reason: results.length > 0 ? 'tool-calls' : answer === '' ? 'cancelled' : 'stop',
  text: answer,
  output: {
    ...emptyOutput,
    text: answer,
    toolCalls: results.map(({ id, name, arguments: given }) => ({ id, name, arguments: given })),
  },
  startedAt: askedAt,
  endedAt: askedAt,
});

const isOwn = (id: string): boolean => /^[0-9a-f]{32}$/.test(id);

const ownId = (id: string, within = ''): string =>
  isOwn(id) ? id : hashBytes(utf8Encode(`${within}/${id}`)).slice(0, 32);

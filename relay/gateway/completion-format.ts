import type { JobState } from '#lib/peer/session/job-state.ts';
import type { Part } from '#lib/protocol/part.ts';
import { describeAnswer, finishReason, writeUsage, type AnswerFormat, type AnswerMetadata } from './answer.ts';

/** What distinguishes a chat completion from a text completion. */
export interface CompletionShape {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** The only choice of a whole answer, without its index and finish reason. */
  choice(state: JobState): object;
  /** Choices of one stream's chunks, likewise. */
  chunks(): ChoiceWriter;
}

export interface ChoiceWriter {
  /** Sent before the answer has begun; undefined for formats that have no such chunk. */
  readonly first: object | undefined;
  /** Undefined for a part without a place in this format. Text makes no difference to how the text after it is written. */
  part(part: Part): object | undefined;
  readonly last: object;
}

type TextDelta = Extract<Part, { type: 'text-delta' }>;

const done = 'data: [DONE]\n\n';
/** Of private use, and so in no name; JSON writes it as it is. */
const place = '\uE000';

/** OpenAI's completions: one choice, an object for each chunk, and usage in a chunk of its own where it is asked for. */
export function completionFormat(shape: CompletionShape): AnswerFormat {
  const common = ({ id, created, model }: AnswerMetadata, object: string) => ({
    id: `${shape.idPrefix}${id}`,
    object,
    created,
    model,
  });
  const choose = (choice: object, reason: string | null) => ({
    choices: [{ index: 0, ...choice, finish_reason: reason }],
  });
  return {
    whole: (metadata, state) => ({
      ...common(metadata, shape.object),
      ...choose(shape.choice(state), finishReason(state)),
      usage: writeUsage(state.usage),
      tabloom: describeAnswer(metadata, state),
    }),
    chunks(metadata, usageChunk) {
      const usageless = usageChunk === 'sent' ? { usage: null } : {};
      // The members that all chunks share, written once; those of a chunk follow in the same object.
      const head = JSON.stringify(common(metadata, shape.chunkObject)).slice(0, -1);
      const frame = (body: object) => `data: ${head},${JSON.stringify(body).slice(1)}\n\n`;
      const chunk = (choice: object | undefined) =>
        choice === undefined ? '' : frame({ ...choose(choice, null), ...usageless });
      const choices = shape.chunks();
      /** What stands around the text of a chunk, for as long as nothing but text comes. */
      let around: readonly [before: string, after: string] | undefined;
      const textAround = (part: TextDelta) => {
        const [before, after, ...more] = chunk(choices.part({ ...part, text: place })).split(`"${place}"`);
        return before !== undefined && after !== undefined && more.length === 0
          ? ([before, after] as const)
          : undefined;
      };
      return {
        begin: () => chunk(choices.first),
        part(part) {
          if (part.type !== 'text-delta' || part.text === '') {
            around = undefined;
            return chunk(choices.part(part));
          }
          around ??= textAround(part);
          return around ? around[0] + JSON.stringify(part.text) + around[1] : chunk(choices.part(part));
        },
        finish(state) {
          const tabloom = describeAnswer(metadata, state);
          const last = { ...choose(choices.last, finishReason(state)), ...usageless };
          if (usageChunk === 'omitted') return frame({ ...last, tabloom }) + done;
          return frame(last) + frame({ choices: [], usage: writeUsage(state.usage), tabloom }) + done;
        },
        fail: ({ body }) => `data: ${JSON.stringify(body)}\n\n`,
      };
    },
  };
}

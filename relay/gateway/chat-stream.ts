import type { Clock } from '#lib/base/clock.ts';
import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { completionId, finishReason, throwUnlessFinished, writeUsage, type AnswerHead } from './chat-answer.ts';
import { toHttpError } from './errors.ts';
import { describeAnswer } from './extension.ts';
import { gatewayLimits } from './limits.ts';
import { withPauses } from './pauses.ts';

export interface StreamBeginning {
  /** As far as it had come when the status line could be written. */
  readonly state: JobState;
  /** Server-sent events, ready to be encoded. Never throws: a failure is its last frame. */
  readonly frames: AsyncGenerator<string>;
}

export interface StreamOptions {
  readonly clock: Clock;
  readonly usageChunk: 'sent' | 'omitted';
  /** Aborts when the client has left: the job is let go even while nobody pulls. */
  readonly signal: AbortSignal;
}

const comment = ': ping\n\n';
const done = 'data: [DONE]\n\n';

/**
 * Waits until a worker has taken the job, so that a refusal still has an honest status, but no longer than
 * `statusHoldMs`; then streams. @throws the job's error when it failed before.
 */
export async function beginStream(
  head: AnswerHead,
  events: AsyncIterable<JobEvent>,
  { clock, usageChunk, signal }: StreamOptions,
): Promise<StreamBeginning> {
  const holdUntil = clock.elapsed() + gatewayLimits.statusHoldMs;
  let holding = true;
  let state = initialJob;
  const source = withPauses(events, clock, () => {
    const leftMs = holdUntil - clock.elapsed();
    return holding ? Math.min(gatewayLimits.pingIntervalMs, Math.max(1, leftMs)) : gatewayLimits.pingIntervalMs;
  });
  const letGo = () => void source.return(undefined);
  signal.addEventListener('abort', letGo, { once: true });
  while (state.phase === 'routing' || state.phase === 'opening') {
    const { value, done: ended } = await source.next();
    if (ended === true) throwUnlessFinished(state);
    else if (value !== 'pause') state = reduceJob(state, value);
    else if (clock.elapsed() >= holdUntil) break;
  }
  if (isOver(state)) {
    letGo();
    throwUnlessFinished(state);
  }
  holding = false;

  async function* frames(): AsyncGenerator<string> {
    const write = createChunkWriter({ ...head, model: state.worker?.model ?? head.model }, usageChunk);
    yield comment;
    yield write.role();
    try {
      for await (const event of source) {
        if (event === 'pause') {
          yield comment;
          continue;
        }
        state = reduceJob(state, event);
        if (event.type === 'part-received' && event.part.type === 'text-delta' && event.part.text !== '')
          yield write.text(event.part.text);
      }
      throwUnlessFinished(state);
      yield write.finish(state);
      yield done;
    } catch (error) {
      yield `data: ${JSON.stringify(toHttpError(error).body)}\n\n`;
    }
  }
  return { state, frames: frames() };
}

function createChunkWriter(head: AnswerHead, usageChunk: StreamOptions['usageChunk']) {
  const common = {
    id: completionId(head.id),
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
  };
  const usageless = usageChunk === 'sent' ? { usage: null } : {};
  const frame = (body: object) => `data: ${JSON.stringify({ ...common, ...body })}\n\n`;
  const choice = (delta: object, reason: 'stop' | 'length' | null) => ({
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
    ...usageless,
  });
  return {
    role: () => frame(choice({ role: 'assistant', content: '' }, null)),
    text: (content: string) => frame(choice({ content }, null)),
    /** The last chunk, whichever it is, carries who answered and the receipt. */
    finish: (state: JobState) => {
      const tabloom = describeAnswer(head.id, state, head.warnings);
      const last = choice({}, finishReason(state.reason));
      if (usageChunk === 'omitted') return frame({ ...last, tabloom });
      return frame(last) + frame({ choices: [], usage: writeUsage(state.usage), tabloom });
    },
  };
}

/** A body that is pulled: a client that reads slowly slows the engine down, one that leaves stops it. */
export function streamBody(frames: AsyncGenerator<string>, onLeave: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done: ended } = await frames.next();
      if (ended === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: onLeave,
  });
}

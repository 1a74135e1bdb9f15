import { createNotifier } from '#lib/base/notifier.ts';
import { createFrameLog, type AnswerFrame } from './frame-log.ts';
import type { WorkerSession } from './worker-runner.ts';
import type { WorkerState } from './worker-spec.ts';

/** A session that is over: it can be read and nothing else. */
export function endedSession(
  jobId: WorkerSession['jobId'],
  state: WorkerState,
  frames: readonly AnswerFrame[],
): WorkerSession {
  const log = createFrameLog();
  for (const frame of frames) log.append(frame);
  return {
    jobId,
    state,
    changed: neverChanges,
    bytes: log.bytes,
    read: log.read,
    follow: ignore,
    leave: ignore,
    takeFile: ignore,
    pay: ignore,
    stop: ignore,
  };
}

/**
 * What a session that is over leaves on record: its answer, joined, and none of what made it. A session that ran holds its job,
 * prompt and all, and the tools of the run, fifty times what a short answer takes.
 */
export const answerOf = (session: WorkerSession): WorkerSession =>
  endedSession(session.jobId, session.state, framesOf(session));

/** Those of an answer so far, joined where they can be. */
export function framesOf(session: WorkerSession): readonly AnswerFrame[] {
  const reader = session.read();
  const frames: AnswerFrame[] = [];
  for (let frame = reader.next(); frame; frame = reader.next()) frames.push(frame);
  reader.close();
  return frames;
}

const ignore = () => undefined;
/** Nobody waits for it: every frame is there. Those who send wake whoever does. */
const neverChanges = createNotifier();

import { abortError, raceSignal } from '#lib/base/abort.ts';
import { errorCode, TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { encodeAskerFrame, jobProtocol } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { watchFarewell } from './farewell.ts';
import { readAnswer, type ReadTerms } from './read-answer.ts';
import type { JobEvent, WorkerView } from './spec.ts';
import { createWatchdog } from './watchdog.ts';

export interface AskComponents extends Omit<ReadTerms, 'asker'> {
  readonly net: Net;
  readonly directory: Pick<Directory, 'onChange'>;
  /** Of the offer that was taken. */
  readonly addrs: readonly string[];
  /** Aborts with `deadline` when the asker's time is up. */
  readonly timeUp: AbortSignal;
}

/** Dialling included: a worker that cannot be reached within this is passed over. */
const openTimeoutMs = 10_000;

const says = {
  unreached: 'The peer could not be reached in time. Try another one.',
  unanswered: 'The peer did not answer in time. Try another one.',
} as const;

/** `reason` names what showed the loss, for the log and the doctor page. */
const gone = (reason: string, message?: string) => wireError('peer-lost', message, { details: { reason } });

/** One job at one worker, from dialling to the last frame. */
export async function* askWorker(
  job: Job,
  worker: WorkerView,
  components: AskComponents,
): AsyncGenerator<JobEvent, AttemptEnd> {
  const { clock, net, signal, timeUp } = components;
  const lost = new AbortController();
  const silence = createWatchdog(clock, (reason) => lost.abort(reason));
  const firstWord = createWatchdog(clock, (reason) => lost.abort(reason));
  const ended = AbortSignal.any([lost.signal, timeUp]);
  const endWatch = watchFarewell(worker.peer, components, () => lost.abort(gone('left')));
  let channel: Channel | undefined;
  let done = false;
  try {
    const open = encodeAskerFrame({ t: 'open', job });
    silence.expect(openTimeoutMs, gone('unreached', says.unreached));
    channel = await net.open(worker.peer, jobProtocol, {
      signal: AbortSignal.any([ended, signal]),
      addrs: components.addrs,
    });
    silence.expect(limits.acceptTimeoutMs, gone('unanswered', says.unanswered));
    // On its way before anybody is told: what hears the event may take its time.
    const sending = channel.send(open);
    sending.catch(() => undefined);
    yield { type: 'channel-opened', at: clock.now(), path: channel.path };
    await raceSignal(sending, AbortSignal.any([ended, signal]));
    const end = yield* readAnswer(job, worker, channel, { ...components, asker: net.self, silence, firstWord, ended });
    done = true;
    return end;
  } catch (error) {
    return attemptError(error, { lost: lost.signal, timeUp, signal });
  } finally {
    endWatch();
    silence.stop();
    firstWord.stop();
    // Left in the middle: the worker is told, so that its engine stops without waiting for the channel to die.
    if (!done && channel) {
      components.remembered.stop(job.id, worker.peer);
      await leave(channel, job);
    }
  }
}

function attemptError(
  error: unknown,
  { lost, timeUp, signal }: { readonly lost: AbortSignal; readonly timeUp: AbortSignal; readonly signal: AbortSignal },
): AttemptEnd {
  if (timeUp.aborted) return { type: 'failed', error: toErrorRecord(abortError(timeUp)) };
  if (signal.aborted) return { type: 'cancelled' };
  if (lost.aborted) return { type: 'lost', error: toErrorRecord(abortError(lost)) };
  const code = errorCode(error);
  // The request does not fit a frame, or this device itself is offline: no other worker would help.
  if (code === 'frame-too-large' || code === 'net-offline') return { type: 'failed', error: toErrorRecord(error) };
  // More than the net opens to one peer at a time, or a peer of another version: it has heard nothing of this job.
  if (code === 'busy') return { type: 'refused', error: toErrorRecord(wireError('busy')), promise: 'none' };
  if (code === 'protocol-unknown') {
    return { type: 'refused', error: toErrorRecord(wireError('version')), promise: 'none' };
  }
  if (code === 'bad-frame' || (code === 'peer-lost' && error instanceof TabloomError)) {
    return { type: 'lost', error: toErrorRecord(error) };
  }
  return { type: 'lost', error: toErrorRecord(gone(code)) };
}

/** Stops a worker whose answer nobody waits for any more. */
async function leave(channel: Channel, job: Job): Promise<void> {
  channel.send(encodeAskerFrame({ t: 'cancel', jobId: job.id })).catch(() => undefined);
  // One turn for the frame to be handed to the transport; the abort that follows says the same, only less politely.
  await Promise.resolve();
  channel.abort(wireError('cancelled'));
}

import type { Clock } from '#lib/base/clock.ts';
import { readEach } from '#lib/base/read-each.ts';
import { errorCode, toErrorRecord, type ErrorRecord, type TabloomError } from '#lib/base/errors.ts';
import type { Channel, ChannelPath, Net, OpenChannelOptions } from '#lib/net/spec.ts';
import { wireError, wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import { jobProtocol, type AskerFrame, type UnknownFrame, type WorkerFrame } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { filesOf, type Job } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Fault } from './asker-spec.ts';
import { messagesOf, readWorkerFrame, readyAskerFrame, sendAskerFrame, type ReadyFrame } from './frames.ts';

/** One attempt's channel to its worker. It reports what happens on it and decides nothing. */
export interface AskerLine {
  /** Dials, sends the job and its files, and reads from then on. */
  open(): Promise<void>;
  send(frame: AskerFrame): void;
  /** Sends the last frame, if there is one, and closes this side; the worker has a moment to close its own. */
  close(last: AskerFrame | undefined): void;
  /** Ends the line at once, also while it is still being dialled. */
  drop(error: TabloomError): void;
}

export interface AskerLineListener {
  opened(path: ChannelPath): void;
  unopened(error: ErrorRecord, fault: Fault): void;
  frame(frame: WorkerFrame | UnknownFrame): void;
  lost(error: ErrorRecord): void;
  /** Undefined where the next frame may be read at once. */
  room(closed: AbortSignal): Promise<void> | undefined;
}

export interface AskerLineComponents {
  readonly net: Pick<Net, 'open'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly kinds: KindTable;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

/** Who is asked for what, and how to get there. */
interface Called extends Pick<OpenChannelOptions, 'addrs' | 'directTimeoutMs'> {
  readonly job: Job;
  readonly peer: PeerId;
}

export function createAskerLine(
  { job, peer, ...options }: Called,
  { net, clock, kinds, blobs }: AskerLineComponents,
  listener: AskerLineListener,
): AskerLine {
  const opening = new AbortController();
  let channel: Channel | undefined;

  /** Reads for as long as anything comes. After the attempt's end it goes on: what follows the last frame is a breach. */
  const pump = async (incoming: Channel) => {
    try {
      await readEach(messagesOf(incoming), (message) => {
        listener.frame(readWorkerFrame(message));
        return listener.room(incoming.closed);
      });
      listener.lost(lostBecause('ended'));
    } catch (error) {
      listener.lost(readError(error));
    }
  };

  const sendFiles = async (outgoing: Channel) => {
    for (const { sha256 } of filesOf(job, kinds)) {
      const bytes = blobs.get(sha256) ?? new Uint8Array();
      for (let from = 0; from < bytes.length; from += limits.blobFrameBytesMax) {
        const piece = bytes.subarray(from, from + limits.blobFrameBytesMax);
        await sendAskerFrame(outgoing, { t: 'blob', sha256, bytes: piece }, kinds);
      }
    }
  };

  return {
    async open() {
      let first: ReadyFrame;
      try {
        first = readyAskerFrame({ t: 'open', job }, kinds);
      } catch (error) {
        return listener.unopened(toErrorRecord(error), 'own');
      }
      try {
        const dialled = await net.open(peer, jobProtocol, { signal: opening.signal, ...options });
        if (opening.signal.aborted) return dialled.abort(wireError('cancelled'));
        channel = dialled;
        // On its way before anybody is told: what hears the event may take its time.
        const sending = first.sendOn(dialled);
        void pump(dialled);
        listener.opened(dialled.path);
        await sending;
        await sendFiles(dialled);
      } catch (error) {
        if (opening.signal.aborted) return;
        if (channel) return listener.lost(readError(error));
        const { error: record, fault } = unopened(error);
        listener.unopened(record, fault);
      }
    },
    send(frame) {
      if (channel) sendAskerFrame(channel, frame, kinds).catch(() => undefined);
    },
    close(last) {
      const closing = channel;
      if (!closing) return;
      const saying = async () => {
        if (last) await sendAskerFrame(closing, last, kinds);
        await closing.close();
      };
      saying().catch((error) => closing.abort(error));
      if (closing.closed.aborted) return;
      // What only one side has closed is still open.
      const letGo = clock.after(limits.countersignTimeoutMs, () => closing.abort(wireError('deadline')));
      closing.closed.addEventListener('abort', letGo, { once: true });
    },
    drop(error) {
      opening.abort(error);
      const dropped = channel;
      // One turn for what was sent to be handed to the transport; the abort that follows says the same, less politely.
      if (dropped) queueMicrotask(() => dropped.abort(error));
    },
  };
}

/** As a record at once: every channel ends, and an error with its stack would be built for each. */
export const lostBecause = (reason: string): ErrorRecord => ({
  code: 'peer-lost',
  message: wireErrors['peer-lost'].message,
  details: { reason },
});

/** What came could not be read, or the channel has gone: a breach in the worker's bytes, however it shows, is the worker's. */
export function readError(error: unknown): ErrorRecord {
  const code = errorCode(error);
  if (code === 'bad-frame' || code === 'frame-too-large')
    return toErrorRecord(wireError('bad-frame', undefined, { cause: error }));
  if (code === 'version') return toErrorRecord(error);
  return lostBecause(code);
}

/** Whose fault it is that there is no channel. */
export function unopened(error: unknown): { readonly error: ErrorRecord; readonly fault: Fault } {
  const code = errorCode(error);
  const refused = (as: WireErrorCode) => ({ error: toErrorRecord(wireError(as)), fault: 'refusal' as const });
  // This device itself is offline: no other worker would help.
  if (code === 'net-offline') return { error: toErrorRecord(error), fault: 'own' };
  // More than the net opens to one peer at a time, or a peer of another version: it has heard nothing of this job.
  if (code === 'busy') return refused('busy');
  if (code === 'protocol-unknown') return refused('version');
  return { error: lostBecause(code), fault: 'way' };
}

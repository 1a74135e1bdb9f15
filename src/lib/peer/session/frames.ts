import type { AbortOptions } from '#lib/base/abort.ts';
import type { Channel, Handed } from '#lib/net/spec.ts';
import { encodedSizeMax } from '#lib/protocol/encoded-size.ts';
import { isSignedHere, recordOf } from '#lib/protocol/envelope.ts';
import {
  checkedAskerFrame,
  checkedWorkerFrame,
  decodeAskerFrame,
  decodeWorkerFrame,
  encodeAskerFrame,
  encodeCheckedFrame,
  encodeWorkerFrame,
  type AskerFrame,
  type UnknownFrame,
  type WorkerFrame,
} from '#lib/protocol/frame.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import { readPlainWarning } from '#lib/protocol/part-frame.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';

/**
 * The frames of a job on its channel: bytes between processes, the frames themselves within one, where encoding and decoding
 * them would say nothing new. What is handed over has passed the sender's check, which is the receiver's too; what may exceed a
 * frame always goes as bytes, so that the limits are those of the wire.
 */
export type Message = Uint8Array | Handed;

/** What arrives on a job's channel. */
export const messagesOf = (channel: Channel): AsyncIterable<Message> => channel.values ?? channel;

/** @throws as `decodeAskerFrame`. */
export const readAskerFrame = (message: Message, kinds: KindTable): AskerFrame | UnknownFrame =>
  message instanceof Uint8Array ? decodeAskerFrame(message, kinds) : (message.value as AskerFrame);

/** @throws as `decodeWorkerFrame`. */
export const readWorkerFrame = (message: Message): WorkerFrame | UnknownFrame =>
  message instanceof Uint8Array ? decodeWorkerFrame(message) : (message.value as WorkerFrame);

/** A frame that is ready before there is a channel for it. */
export interface ReadyFrame {
  sendOn(channel: Channel): Promise<void> | undefined;
}

/** @throws `frame-too-large`, `bad-frame`. */
export function readyAskerFrame(frame: AskerFrame, kinds: KindTable): ReadyFrame {
  const checked = checkedAskerFrame(frame, kinds);
  const length = encodedSizeMax(checked);
  const body = length > limits.frameBytesMax ? encodeCheckedFrame(checked) : undefined;
  return {
    sendOn: (channel) =>
      channel.values && !body
        ? channel.values.send({ value: checked, length })
        : channel.send(body ?? encodeCheckedFrame(checked)),
  };
}

/** @throws `frame-too-large`, `bad-frame`, and as `Channel.send`. */
export async function sendAskerFrame(channel: Channel, frame: AskerFrame, kinds: KindTable): Promise<void> {
  const { values } = channel;
  if (!values || frame.t !== 'countersign') return channel.send(encodeAskerFrame(frame, kinds));
  await hand(values, isSignedHere(frame.envelope) ? frame : checkedAskerFrame(frame, kinds));
}

/** Undefined where nothing is to be waited for. Rejects with `frame-too-large`, `bad-frame`, and as `Channel.send`. */
export function sendWorkerFrame(
  channel: Channel,
  frame: WorkerFrame,
  options?: AbortOptions,
): Promise<void> | undefined {
  const { values } = channel;
  try {
    if (!values || !isHanded(frame)) return channel.send(encodeWorkerFrame(frame), options);
    // Its record has passed its schema, and there is nothing else in it.
    if (frame.t === 'checkpoint') return hand(values, frame, options);
    if (frame.t === 'finish' && isSignedHere(frame.receipt)) {
      if (!saysItsReceipt(frame)) checkedWorkerFrame(frame);
      return hand(values, frame, options);
    }
    const isPlain = isPlainPlace(frame) || (frame.t === 'part' && readPlainWarning(frame.part) !== undefined);
    return hand(values, isPlain ? frame : checkedWorkerFrame(frame), options);
  } catch (error) {
    return Promise.reject(error);
  }
}

type Finish = Extract<WorkerFrame, { t: 'finish' }>;

/** Whether a closing frame says nothing that the record in its receipt, which has passed its schema, does not say as well. */
function saysItsReceipt({ reason, usage, receipt }: Finish): boolean {
  const record = recordOf(receiptSchema, receipt);
  return record.reason === reason && record.tokensIn === usage.tokensIn && record.tokensOut === usage.tokensOut;
}

/** Whether a frame says which place a job has, and nothing of money, within the limits. */
const isPlainPlace = (frame: WorkerFrame): boolean =>
  frame.t === 'accepted' &&
  Object.keys(frame).length === 3 &&
  isWithin(frame.position, limits.slotsMax) &&
  isWithin(frame.etaMs, limits.durationMsMax);

const isWithin = (value: number, most: number) => Number.isSafeInteger(value) && value >= 0 && value <= most;

/** The check makes copies; what was signed here is known by the object that it is, so that one goes itself. */
const hand = (values: NonNullable<Channel['values']>, value: AskerFrame | WorkerFrame, options?: AbortOptions) =>
  values.send({ value, length: encodedSizeMax(value) }, options);

/** Those of which every answer has some, and which are always smaller than a frame. */
const isHanded = (frame: WorkerFrame): boolean =>
  frame.t === 'accepted' ||
  frame.t === 'alive' ||
  frame.t === 'finish' ||
  (frame.t === 'checkpoint' && isSignedHere(frame.envelope)) ||
  (frame.t === 'part' && frame.part.type === 'warning') ||
  isShortText(frame);

const isShortText = (frame: WorkerFrame): boolean =>
  frame.t === 'part' &&
  (frame.part.type === 'text-delta' || frame.part.type === 'reasoning-delta') &&
  frame.part.text.length + 3 * (frame.part.ids?.length ?? 0) <= shortUnitsMax;

/** Even at three bytes a unit far below a frame. */
const shortUnitsMax = 64 * 1024;

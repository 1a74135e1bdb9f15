import { TabloomError } from '#lib/base/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';

/** The errors of the {@link import('./spec.ts').Net} port, so that every implementation says the same. */

export const channelLost = (cause?: unknown) =>
  new TabloomError('channel-lost', 'The connection to the other side was lost. Open it again.', { cause });

export const frameTooLarge = (sizeBytes: number) =>
  new TabloomError('frame-too-large', `Send at most ${limits.frameBytesMax} bytes in one message.`, {
    details: { sizeBytes, sizeBytesMax: limits.frameBytesMax },
  });

export const emptyMessage = () => new TabloomError('bad-frame', 'A message holds at least one byte.');

export const messageTooLarge = (sizeBytes: number) =>
  new TabloomError('frame-too-large', `Publish at most ${limits.gossipBytesMax} bytes in one message.`, {
    details: { sizeBytes, sizeBytesMax: limits.gossipBytesMax },
  });

export const netOffline = (message = 'The network is not started. Start it first.') =>
  new TabloomError('net-offline', message);

/** `reason` names what was tried, for the log and the doctor page. */
export const peerUnreachable = (peer: PeerId, reason: string, cause?: unknown) =>
  new TabloomError('peer-unreachable', 'The peer cannot be reached now. Try another one or try again.', {
    details: { peer, reason },
    cause,
  });

/** Only so many channels are opened to one peer at a time; it would cut off what is over its own limit. */
export const peerBusy = (peer: PeerId) =>
  new TabloomError('busy', 'Too much is asked of this peer at once. Wait for something to end, or ask another one.', {
    details: { peer },
  });

/** It was reached, and runs another version or does not do this at all. */
export const protocolUnknown = (peer: PeerId, protocol: string) =>
  new TabloomError('protocol-unknown', 'The peer does not speak this protocol. Ask another one, or update this side.', {
    details: { peer, protocol },
  });

import { TabloomError } from '#lib/base/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';

/** The errors of the {@link import('./spec.ts').Net} port, shared by all implementations. */

export const channelLost = (cause?: unknown) =>
  new TabloomError('channel-lost', 'The connection to the other side was lost. Open it again.', { cause });

export const frameTooLarge = (sizeBytes: number) =>
  new TabloomError('frame-too-large', `Send at most ${limits.frameBytesMax} bytes in one message.`, {
    details: { sizeBytes, sizeBytesMax: limits.frameBytesMax },
  });

export const emptyMessage = () => new TabloomError('bad-frame', 'A message must have at least one byte.');

export const messageTooLarge = (sizeBytes: number) =>
  new TabloomError('frame-too-large', `Publish at most ${limits.gossipBytesMax} bytes in one message.`, {
    details: { sizeBytes, sizeBytesMax: limits.gossipBytesMax },
  });

export const netOffline = (message = 'The network is not started. Start it first.') =>
  new TabloomError('net-offline', message);

/** `reason` states what failed, for the log and the doctor page. */
export const peerUnreachable = (peer: PeerId, reason: string, cause?: unknown) =>
  new TabloomError('peer-unreachable', 'The peer cannot be reached right now. Try another one or try again.', {
    details: { peer, reason },
    cause,
  });

/** Channels to one peer are limited on this side, because the peer resets any beyond its own limit. */
export const peerBusy = (peer: PeerId) =>
  new TabloomError(
    'busy',
    'There are too many open requests to this peer. Wait for one to finish, or use another peer.',
    {
      details: { peer },
    },
  );

/** The peer is reachable but runs another version or does not offer this protocol. */
export const protocolUnknown = (peer: PeerId, protocol: string) =>
  new TabloomError(
    'protocol-unknown',
    'The peer does not support this protocol. Use another peer, or update this program.',
    {
      details: { peer, protocol },
    },
  );

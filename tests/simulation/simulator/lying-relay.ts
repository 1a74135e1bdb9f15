import type { Clock } from '#lib/base/clock.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { decodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { encodeFindFrame, encodeSample, findProtocol, offersTopic } from '#lib/protocol/find.ts';
import { peerIdFromKey, type PeerId } from '#lib/protocol/ids.ts';

/**
 * `withholding`: lists nobody. `denying`: lists all and says at once that they are gone. `replaying`: lists the oldest offer
 * of each. `forging`: lists offers whose signature does not hold. `garbling`: sends what is no frame. `silent`: takes the
 * stream and says nothing.
 */
export type RelayCharacter = 'honest' | 'withholding' | 'denying' | 'replaying' | 'forging' | 'garbling' | 'silent';

export function serveLies(net: Net, clock: Clock, character: Exclude<RelayCharacter, 'honest'>): void {
  const first = new Map<PeerId, Envelope>();
  const latest = new Map<PeerId, Envelope>();
  net.subscribe(offersTopic, {
    validate(message, from) {
      const envelope = decodeEnvelope(message);
      if (!first.has(from)) first.set(from, envelope);
      latest.set(from, envelope);
      return 'accept';
    },
    deliver: () => undefined,
  });
  const lies = (): readonly Uint8Array[] => {
    const envelopes = [...latest.values()];
    switch (character) {
      case 'withholding':
        return encodeSample([]);
      case 'denying':
        return [
          ...encodeSample(envelopes),
          ...envelopes.map(({ key }) => encodeFindFrame({ t: 'gone', peer: peerIdFromKey(key) })),
        ];
      case 'replaying':
        return encodeSample([...first.values()]);
      case 'forging':
        return encodeSample(envelopes.map((envelope) => ({ ...envelope, sig: envelope.sig.toReversed() })));
      case 'garbling':
        return [Uint8Array.of(0xff, 0x00, 0x17)];
      case 'silent':
        return [];
    }
  };
  const speak = async (channel: Channel) => {
    if (character !== 'silent') {
      await channel.send(encodeFindFrame({ t: 'hello', peer: net.self, build: 'lies', network: 'small', peers: 0 }));
    }
    while (!channel.closed.aborted) {
      for (const lie of lies()) await channel.send(lie);
      await clock.delay(2_000, { signal: channel.closed });
    }
  };
  net.handle(findProtocol, (channel) => speak(channel));
}

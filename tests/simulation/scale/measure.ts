import { runPending, manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { marketOffer } from '#lib/market/offer.fixture.ts';
import { drawSample } from '#lib/market/sample.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import { createDiscoveryServer } from '#lib/peer/presence/discovery-server.ts';
import { createSigner, encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { encodeFindFrame, encodeFindRequest, encodeSample, findProtocol } from '#lib/protocol/find.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeUnverifiedOffer, signOffer, type Offer } from '#lib/protocol/offer.ts';
import { createNodeEd25519 } from '../../../relay/ed25519.ts';
import { portableEd25519, type Ed25519 } from '#lib/protocol/ed25519.ts';

/** What one of each costs, measured on the code itself in this process. Times are of the processor. */
export interface UnitCosts {
  readonly offerBytes: number;
  readonly offerFrameBytes: number;
  readonly checkMs: { readonly relay: number; readonly tab: number };
  /** A directory's change encoded for one asker. */
  readonly frameMs: number;
  readonly sampleMs: (offers: number) => number;
  readonly offerHeapBytes: number;
  readonly streamHeapBytes: number;
}

const signer = createSigner(new Uint8Array(32).fill(7));
const addrs = Array.from(
  { length: 4 },
  (_, i) => `/dns4/relay${i}.example.org/tcp/443/wss/p2p/${signer.peer}/p2p-circuit/webrtc`,
);

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, number + 1);
  return key;
}

function signedOffer(number: number, nowMs: number): { readonly offer: Offer; readonly envelope: Envelope } {
  const own = createSigner(keyOf(number));
  const offer = marketOffer('', { peer: own.peer, issuedAt: nowMs, ttlMs: limits.offerTtlMsMax, addrs });
  return { offer, envelope: signOffer(offer, own) };
}

function millisecondsOf(act: () => unknown, times: number): number {
  for (let i = 0; i < times / 10; i++) act();
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / times;
}

/** Of what is still in use after a collection. @param collect `gc` of Node under `--expose-gc`. */
async function heapBytes(collect: () => void): Promise<number> {
  await runPending();
  collect();
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

export async function measureUnitCosts(collect: () => void): Promise<UnitCosts> {
  const clock = manualClock();
  const { envelope } = signedOffer(0, clock.now());
  const bytes = encodeEnvelope(envelope);
  const offerFrame = encodeFindFrame({ t: 'offer', offer: envelope });
  const check = (ed25519: Ed25519) => {
    const key = ed25519.createKey(new Uint8Array(32).fill(7));
    const message = envelope.payload;
    const signature = key.sign(message);
    return millisecondsOf(() => ed25519.holds(signature, message, key.publicKey), 500);
  };

  const offersKept = 5_000;
  const directory = createDirectory({ clock });
  const made = Array.from({ length: offersKept }, (_, i) => encodeEnvelope(signedOffer(i, clock.now()).envelope));
  const empty = await heapBytes(collect);
  for (const one of made) {
    const read = decodeUnverifiedOffer(one);
    directory.consider(read.offer, read.envelope);
  }
  const offerHeapBytes = ((await heapBytes(collect)) - empty) / offersKept;
  if (directory.size !== offersKept) throw new Error('offers were refused');

  const random = seededRandom(1);
  const sampleOf = (offers: number) => {
    const some = directory.serving('any').slice(0, Math.min(offers, offersKept));
    return millisecondsOf(
      () => encodeSample(drawSample(some, limits.findLimitMax, random, () => true).map((entry) => entry.envelope)),
      50,
    );
  };

  const network = createMemoryNetwork({ clock, random });
  const relay = network.createNet({ seed: keyOf(1_000_000) });
  await createDiscoveryServer({ net: relay, directory, clock, random, logger: silentLogger }).start();
  await relay.start();
  const streams = 500;
  const askers = Array.from({ length: streams }, (_, i) => network.createNet({ seed: keyOf(2_000_000 + i) }));
  for (const asker of askers) await asker.start();
  const before = await heapBytes(collect);
  const channels = [];
  for (const asker of askers) {
    const channel = await asker.open(relay.self, findProtocol);
    await channel.send(encodeFindRequest({ limit: limits.findLimitMax }));
    const frames = channel[Symbol.asyncIterator]();
    await runPending();
    await frames.next();
    await frames.next();
    channels.push(frames);
  }
  const streamHeapBytes = ((await heapBytes(collect)) - before) / channels.length;

  return {
    offerBytes: bytes.length,
    offerFrameBytes: offerFrame.length,
    checkMs: { relay: check(createNodeEd25519()), tab: check(portableEd25519) },
    frameMs: millisecondsOf(() => encodeFindFrame({ t: 'offer', offer: envelope }), 2_000),
    sampleMs: sampleOf,
    offerHeapBytes,
    streamHeapBytes,
  };
}

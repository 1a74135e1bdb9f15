import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createNodeEd25519 } from '../../../relay/ed25519.ts';
import { model, startPeer } from '../../integration/peer/ground.ts';

/** A worker that answers at once, and one that answers at 100 tokens a second. Arguments: number, relay address. */
const [number, relay] = process.argv.slice(2);
installEd25519(createNodeEd25519());
const peer = await startPeer(Number(number), () => relay!);
for (const rate of [0, 100]) peer.provider.offerModel(await model({ answerTokens: 5_000, slots: 16 }, rate));
process.send?.({ peer: peer.self });

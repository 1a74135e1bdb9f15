import { model, startPeer } from './ground.ts';

/** A worker in a process of its own, so that it can be killed. Arguments: number, relay address, tokens a second. */
const [number, relay, rate] = process.argv.slice(2);
const peer = await startPeer(Number(number), () => relay!);
peer.provider.offerModel(await model({ answerTokens: 5_000 }, Number(rate)));
process.send?.({ peer: peer.self });

import type { Clock } from '#lib/base/clock.ts';
import { demo } from '#lib/peer/peer.fixture.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { decodeCbor, encodeCbor } from '#lib/protocol/cbor.ts';
import { encodeEnvelope, signEnvelope, type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import { findProtocol, offersTopic } from '#lib/protocol/find.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import { parseJob, rowOf, type Job } from '#lib/protocol/job.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { z } from 'zod';

/** A peer of the version after this one: it says whatever it likes, in words that nobody here has heard of. */
export interface NextPeer {
  readonly net: Net;
  /** Its offer, as signed: one model that is known here in part, and two that are not. */
  offer(change?: object): Envelope;
  publish(change?: object): Promise<void>;
  /** Serves jobs by a script. */
  serve(script: (stage: NextStage) => Promise<void>): void;
  /** Serves finds, as its relays do. */
  introduce(frames: (hello: object) => readonly object[]): void;
  /** Opens a job at a worker of today's, and reads it to its end. */
  ask(worker: string, frames: readonly object[]): Promise<readonly Record<string, unknown>[]>;
}

export interface NextStage {
  readonly job: Job;
  readonly channel: Channel;
  send(frame: object): Promise<void>;
  /** What a worker signs at the end, with members of tomorrow. */
  finish(parts: readonly Part[], change?: object): object;
}

const raw = z.record(z.string(), z.unknown());
const read = (body: Uint8Array): Record<string, unknown> => decodeCbor(raw, body);
const engine = { name: 'photon', build: '9', deviceClass: 'optical', watts: 3 };

export function createNextPeer(net: Net, signer: Signer, clock: Clock): NextPeer {
  let seq = 0;
  const resign = (type: 'offer' | 'receipt', record: object) => signEnvelope(type, record, signer);
  const model = {
    artefact: demo.artefact,
    name: demo.name,
    kinds: ['chat', 'video'],
    features: ['tools', 'smell'],
    contextTokens: 100_000,
    quantisation: 'q1.58',
    price: { in: '0', out: '0', perSmell: '7' },
    slots: 4,
    running: 0,
    queued: 0,
    measured: { decodeTps: 900, prefillTps: 900, ttftMs: 1, joulesPerToken: 0.1 },
    licence: 'MIT',
  };
  const offer = (change: object = {}) =>
    resign('offer', {
      peer: signer.peer,
      seq: ++seq,
      issuedAt: Math.floor(clock.now()),
      ttlMs: 45_000,
      role: 'swarm',
      draining: false,
      engine,
      models: [
        model,
        { name: 'of another shape', modalities: ['scent'] },
        { ...model, artefact: 'f'.repeat(64), kinds: ['video'], name: 'film' },
      ],
      tiers: ['open', 'audited'],
      policy: ['riddles'],
      addrs: [],
      build: '9.0.0',
      mood: 'fine',
      ...change,
    });

  const receipt = (job: Job, asker: string, parts: readonly Part[]): Envelope => {
    const output = createOutputRoot(rowOf(job).outputHash);
    for (const part of parts) output.add(part);
    const signed = issueReceipt(
      {
        job,
        asker,
        engine: { name: engine.name, build: engine.build, deviceClass: engine.deviceClass },
        output: output.summary(),
        reason: 'bored',
        tokensIn: 3,
        timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
        price: { in: '0', out: '0' },
        issuedAt: Math.floor(clock.now()),
        prevWorker: '0'.repeat(64),
      },
      signer,
    );
    return resign('receipt', { ...read(signed.envelope.payload), joules: 12 });
  };

  return {
    net,
    offer,
    publish: (change) => net.publish(offersTopic, encodeEnvelope(offer(change))),
    serve(script) {
      net.handle(jobProtocol, async (channel) => {
        const opened = read((await channel[Symbol.asyncIterator]().next()).value!);
        const job = parseJob(opened['job']);
        await script({
          job,
          channel,
          send: (frame) => channel.send(encodeCbor(frame)),
          finish: (parts, change) => ({
            t: 'finish',
            reason: 'bored',
            usage: { tokensIn: 3, tokensOut: parts.length, joules: 12 },
            receipt: receipt(job, channel.remote, parts),
            ...change,
          }),
        });
      });
    },
    introduce(frames) {
      net.handle(findProtocol, async (channel) => {
        await channel[Symbol.asyncIterator]().next();
        const hello = { t: 'hello', peer: net.self, build: '9.0.0', network: 'mesh', peers: 1, mood: 'fine' };
        for (const frame of frames(hello)) await channel.send(encodeCbor(frame));
        await new Promise<void>((resolve) => channel.closed.addEventListener('abort', () => resolve()));
      });
    },
    async ask(worker, frames) {
      const channel = await net.open(worker, jobProtocol);
      for (const frame of frames) await channel.send(encodeCbor(frame));
      const heard: Record<string, unknown>[] = [];
      for await (const body of channel) {
        const frame = read(body);
        heard.push(frame);
        if (['refused', 'finish', 'error'].includes(String(frame['t']))) await channel.close();
      }
      return heard;
    },
  };
}

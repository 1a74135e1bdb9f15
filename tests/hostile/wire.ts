import { createPrivateKey, sign } from 'node:crypto';
import type { Stream } from '@libp2p/interface';
import { hex, output, read, sha256, write, type AnyPart, type Value } from '../vectors/second-reader.ts';

/** What a hostile peer needs of the wire, written from `src/lib/protocol/README.md` alone and with none of our code. */
export type Frame = { readonly [key: string]: Value };

/** Node imports Ed25519 keys as PKCS #8: a fixed prefix before the seed. */
const keyOf = (seed: Buffer) =>
  createPrivateKey({
    key: Buffer.concat([hex('302e020100300506032b657004220420'), seed]),
    format: 'der',
    type: 'pkcs8',
  });

export function envelope(type: string, payload: Frame, { seed, key }: { readonly seed: Buffer; readonly key: Buffer }) {
  const bytes = write(payload as Value);
  const sig = sign(null, Buffer.concat([Buffer.from(`tabloom/${type}/2\n`), bytes]), keyOf(seed));
  return { type, payload: bytes, key, sig };
}

export const encode = (value: Frame): Buffer => write(value as Value);

function varint(number: number): Buffer {
  const bytes: number[] = [];
  let rest = number;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** A stream of messages, and of anything else that should not be on one. */
export interface Line {
  /** The next message; undefined when the other side has ended or gone. */
  next(): Promise<{ readonly [key: string]: Value } | undefined>;
  send(frame: Frame): void;
  sendBytes(bytes: Buffer): void;
  /** The end mark. */
  end(): void;
  abort(): void;
}

export function lineOf(stream: Stream): Line {
  let buffered = Buffer.alloc(0);
  let isOver = false;
  let wake: () => void = () => undefined;
  stream.addEventListener('message', ({ data }) => {
    buffered = Buffer.concat([buffered, Buffer.from(data.subarray())]);
    wake();
  });
  const over = () => {
    isOver = true;
    wake();
  };
  stream.addEventListener('close', over);
  stream.addEventListener('remoteCloseWrite', over);

  /** Credit and marks are passed over: what is hostile here sends little. */
  const take = (): Buffer | undefined => {
    for (;;) {
      let [number, at, isWhole] = [0, 0, false];
      for (let shift = 0; at < buffered.length && !isWhole; shift += 7) {
        const byte = buffered[at++]!;
        number += (byte & 127) * 2 ** shift;
        isWhole = byte < 128;
      }
      if (!isWhole) return undefined;
      const isMessage = number > 0 && number < 2 ** 27;
      if (isMessage && buffered.length < at + number) return undefined;
      const body = buffered.subarray(at, isMessage ? at + number : at);
      buffered = buffered.subarray(at + body.length);
      if (isMessage) return body;
    }
  };
  const sendBytes = (bytes: Buffer) => {
    try {
      stream.send(bytes);
    } catch {
      // The asker has had enough.
    }
  };
  return {
    async next() {
      for (;;) {
        const body = take();
        if (body) return read(body) as { [key: string]: Value };
        if (isOver) return undefined;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    sendBytes,
    send(frame) {
      const body = encode(frame);
      sendBytes(Buffer.concat([varint(body.length), body]));
    },
    end: () => sendBytes(Buffer.of(0)),
    abort: () => stream.abort(new Error('gone')),
  };
}

export const prefix = varint;

/** The receipt of a chat, right in every member but for what `lie` says. */
export function receipt(
  job: { readonly [key: string]: Value },
  given: {
    readonly asker: string;
    readonly worker: string;
    readonly texts: readonly string[];
    readonly tokens: number;
  },
  lie: Frame = {},
): Frame {
  const parts = given.texts.map((text) => ({ type: 'text-delta', text, tokens: given.tokens }) as AnyPart);
  const { outputRoot, outputForm, tokens } = output(['text', 'ids', 'reasoning', 'tool-calls'], parts);
  return {
    jobId: job['id']!,
    asker: given.asker,
    worker: given.worker,
    artefact: job['artefact']!,
    model: job['model']!,
    kind: job['kind']!,
    engine,
    params: job['params']!,
    promptHash: sha256(hex(String(job['salt'])), write([job['kind']!, job['input']!])).toString('hex'),
    resumedTokens: 0,
    outputRoot,
    outputForm,
    reason: 'stop',
    tokensIn: 3,
    tokensOut: tokens,
    timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
    tier: job['tier']!,
    price: { in: '0', out: '0' },
    issuedAt: Date.now(),
    prevWorker: sha256(String(Math.random())).toString('hex'),
    ...lie,
  };
}

export const engine = { name: 'hostile', build: '1', deviceClass: 'test' };

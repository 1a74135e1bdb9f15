import { expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import type { Net } from '#lib/net/spec.ts';
import { createSigner, signEnvelope, type Signer } from '#lib/protocol/envelope.ts';
import { wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import {
  decodeAskerFrame,
  decodeWorkerFrame,
  encodeAskerFrame,
  encodeWorkerFrame,
  jobProtocol,
  type WorkerFrame,
} from '#lib/protocol/frame.ts';
import { needsOf, parseJob, promptLength, rowOf, type Job } from '#lib/protocol/job.ts';
import type { JobKind } from '#lib/protocol/kinds/spec.ts';
import { jobKinds, type KindTable } from '#lib/protocol/kinds/table.ts';
import { emptyOutput, foldOutput } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import { checkReceipt, tryOpenReceipt } from '#lib/trust/check.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { promptHash } from '#lib/trust/prompt-hash.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';

/**
 * A kind of work that is nowhere but here goes the whole way, from an engine through real frames to a route: it is one
 * row, one engine and one route, and no line of the wire knows it.
 */
const inputSchema = z.strictObject({ text: z.string().min(1).max(100) });
const paramsSchema = z.strictObject({ by: z.enum(['word', 'character']).optional() });
const reverse = {
  kind: 'reverse',
  input: inputSchema,
  params: paramsSchema,
  parts: ['text-delta'],
  fold: foldOutput,
  units: { in: 'character', out: 'character' },
  outputHash: ['text'],
  limits: { blobBytesMax: 0, blobsMax: 0, dataBytesMax: 0 },
  needs: ({ params }) => (params.by === 'word' ? ['tools'] : []),
  promptLength: ({ text }) => text.length,
  blobs: () => [],
} as const satisfies JobKind<'reverse', typeof inputSchema, typeof paramsSchema>;
const kinds: KindTable = { ...jobKinds, reverse };

type Work = Parameters<typeof reverse.needs>[0];
const workOf = (job: Job) => ({ input: job.input, params: job.params }) as unknown as Work;

/** The engine: characters, last one first. */
function* turn({ input }: Work): Generator<Part> {
  for (const character of [...input.text].toReversed()) yield { type: 'text-delta', text: character, tokens: 1 };
}

const engine = { name: 'turner', build: '1', deviceClass: 'test' };
const price = { in: '0', out: '0' };

/** The worker: frames in, frames out, by a table of kinds. */
function serve(net: Net, signer: Signer, table: KindTable): void {
  net.handle(jobProtocol, async (channel) => {
    const frames = channel[Symbol.asyncIterator]();
    const send = (frame: WorkerFrame) => channel.send(encodeWorkerFrame(frame));
    try {
      const opened = decodeAskerFrame((await frames.next()).value!, table);
      if (opened.t !== 'open') throw new Error('no open');
      const { job } = opened;
      if (needsOf(job, table).length > 0) {
        return await send({ t: 'refused', code: 'feature-unavailable', message: 'Not by word.' });
      }
      await send({ t: 'accepted', position: 0, etaMs: 0 });
      const output = createOutputRoot(rowOf(job, table).outputHash);
      for (const part of turn(workOf(job))) {
        output.add(part);
        await send({ t: 'part', part });
      }
      const shared = { asker: channel.remote, issuedAt: systemClock.now() };
      const { outputRoot, outputForm, tokens } = output.summary();
      const checkpoint = {
        ...shared,
        jobId: job.id,
        worker: signer.peer,
        artefact: job.artefact,
        promptHash: promptHash(job),
        resumedTokens: 0,
        tokensOut: tokens,
        outputRoot,
        outputForm,
      };
      await send({ t: 'checkpoint', envelope: signEnvelope('checkpoint', checkpoint, signer) });
      const usage = { tokensIn: promptLength(job, table), tokensOut: tokens };
      const timings = { queuedMs: 0, ttftMs: 0, decodeMs: 0 };
      const { envelope: receipt } = issueReceipt(
        {
          ...shared,
          job,
          engine,
          output: output.summary(),
          reason: 'stop',
          tokensIn: usage.tokensIn,
          timings,
          price,
          prevWorker: '0'.repeat(64),
        },
        signer,
      );
      await send({ t: 'finish', reason: 'stop', usage, receipt });
    } catch (error) {
      await send({ t: 'refused', code: errorCode(error), message: (error as Error).message });
    } finally {
      await channel.close();
    }
  });
}

/** The route: JSON in, JSON out. */
async function route(request: Request, net: Net, worker: string, table: KindTable): Promise<Response> {
  const refuse = (code: string) =>
    Response.json({ error: { code } }, { status: wireErrors[code as WireErrorCode]?.status ?? 500 });
  try {
    const { text, ...params } = (await request.json()) as { readonly text: string };
    const job = parseJob(
      {
        id: '0'.repeat(32),
        artefact: 'a'.repeat(64),
        model: 'turner',
        kind: 'reverse',
        input: { text },
        params,
        tier: 'open',
        deadlineMs: 1_000,
        salt: '0'.repeat(32),
      },
      table,
    );
    const askedAt = systemClock.now();
    const channel = await net.open(worker, jobProtocol);
    await channel.send(encodeAskerFrame({ t: 'open', job }, table));
    const row = rowOf(job, table);
    const root = createOutputRoot(row.outputHash);
    let output = emptyOutput;
    let checkpoints = 0;
    for await (const body of channel) {
      const frame = decodeWorkerFrame(body);
      if (frame.t === 'refused') return refuse(frame.code);
      if (frame.t === 'checkpoint') checkpoints += 1;
      if (frame.t === 'part') {
        if (!row.parts.includes(frame.part.type)) return refuse('bad-frame');
        output = row.fold(output, frame.part);
        root.add(frame.part);
      }
      if (frame.t === 'finish') {
        const { reason, usage, receipt } = frame;
        const received = { job, asker: net.self, worker, output: root.summary(), reason, usage, price, engine };
        const checks = checkReceipt(tryOpenReceipt(receipt), { ...received, askedAt, receivedAt: systemClock.now() });
        return Response.json({ text: output.text, usage, checks, checkpoints, tokens: output.tokens });
      }
    }
    return refuse('peer-lost');
  } catch (error) {
    return refuse(errorCode(error));
  }
}

async function village(workers: KindTable = kinds) {
  const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1) });
  const [seed, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const worker = network.createNet({ seed });
  const gateway = network.createNet({ seed: other });
  await worker.start();
  await gateway.start();
  serve(worker, createSigner(seed), workers);
  return async (body: object) => {
    const request = new Request('http://here/v1/reverse', { method: 'POST', body: JSON.stringify(body) });
    const response = await route(request, gateway, worker.self, kinds);
    return { status: response.status, body: (await response.json()) as unknown };
  };
}

test('it is asked for, done, hashed, signed and answered', async () => {
  const ask = await village();
  const all = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };
  expect(await ask({ text: 'Füchse 🦊' })).toEqual({
    status: 200,
    body: { text: '🦊 eshcüF', usage: { tokensIn: 9, tokensOut: 8 }, checks: all, checkpoints: 1, tokens: 8 },
  });
});

test('what its row does not know is refused before anything leaves the gateway, and by the worker', async () => {
  const ask = await village();
  expect(await ask({ text: 'a', loudly: true })).toMatchObject({ body: { error: { code: 'version' } } });
  expect(await ask({ text: '' })).toMatchObject({ body: { error: { code: 'bad-frame' } } });
  expect(await ask({ text: 'a b', by: 'word' })).toMatchObject({
    status: 400,
    body: { error: { code: 'feature-unavailable' } },
  });
});

test('a worker without the row says `version`', async () => {
  const ask = await village(jobKinds);
  expect(await ask({ text: 'abc' })).toMatchObject({ status: 502, body: { error: { code: 'version' } } });
});

import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { JobState } from '#lib/peer/lifecycle.ts';
import type { AskRequest, Consumer, JobEvent, ReceiptCheck } from '#lib/peer/spec.ts';
import { rowOf } from '#lib/protocol/job.ts';
import type { AskingPort } from '#lib/state/tab.ts';
import { checkReceipt, verifyStored } from '#lib/trust/check.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

export interface AskingComponents {
  readonly clock: Clock;
  readonly sessions: Pick<Sessions, 'asking' | 'during' | 'renewPrivate'>;
  readonly privateMode: () => boolean;
  /** Takes note of what went wrong. */
  readonly note: (event: JobEvent, worker: string | undefined) => void;
}

/** Asking, as the pages know it: under whichever key this tab lives now. */
export function createAsking({ clock, sessions, privateMode, note }: AskingComponents): AskingPort {
  async function* ask(
    request: AskRequest,
    session: Session,
    { signal, where }: Parameters<AskingPort['ask']>[1],
  ): AsyncIterable<JobEvent> {
    const { consumer, self } = session.peer;
    let worker: string | undefined;
    const local = where === 'this-device' ? { only: [self] } : {};
    for await (const event of consumer.ask({ ...request, ...local }, { signal })) {
      if (event.type === 'worker-chosen') worker = event.worker.peer;
      note(event, worker);
      yield event;
    }
  }

  const prepare = createPrepare({
    clock,
    consumer: async () => (await sessions.asking()).peer.consumer,
    privateMode,
  });

  return {
    ask: (request, options) =>
      sessions.during(
        options.where === 'this-device' ? 'serving' : 'asking',
        (session) => ask(request, session, options),
        options,
      ),
    prepare: (target) => prepare(target).catch(() => undefined),
    startAnew: () => sessions.renewPrivate(),
    verify: async ({ answer, ids }) => verifyAnswer(answer, ids),
  };
}

export interface PrepareComponents {
  readonly clock: Clock;
  readonly consumer: () => Promise<Pick<Consumer, 'prepare'>>;
  readonly privateMode: () => boolean;
}

/** Half of the time that a way stays open: somebody who types on finds it open. */
const againMs = 4_000;

/**
 * Opens the way to whoever would answer, once somebody begins to type. Not in private mode: a worker that is not asked in
 * the end need not have heard of this device.
 */
export function createPrepare({ clock, consumer, privateMode }: PrepareComponents) {
  let last: { readonly atMs: number; readonly key: string } | undefined;
  return async ({ model, by }: { readonly model: string; readonly by: string }): Promise<void> => {
    if (privateMode() || by === 'this-device') return;
    const [atMs, key] = [clock.elapsed(), `${by} ${model}`];
    if (last?.key === key && atMs - last.atMs < againMs) return;
    last = { atMs, key };
    const asking = await consumer();
    await asking.prepare({
      model: model === 'any' ? 'any' : { name: model },
      kind: 'chat',
      input: { messages: [{ role: 'user', content: '?' }] },
      params: { maxTokens: 1 },
      tier: 'open',
      only: by === 'anyone' ? undefined : [by],
    });
  };
}

/**
 * Checks a kept receipt again, offline: from its bytes, the job as sent, and the text and token ids as received. What an
 * offer said of the price is not kept; the price is taken from the receipt.
 * @throws `no-receipt` when the answer never got one.
 */
export function verifyAnswer(answer: JobState, ids: readonly number[] | undefined): ReceiptCheck {
  const { job, worker, receipt: signed, reason, usage } = answer;
  if (!job || !worker || !signed || !reason || !usage)
    throw new TabloomError('no-receipt', 'This answer has no receipt to check.');
  const { receipt } = verifyStored(signed);
  if (!receipt) return { signature: false, worker: false, prompt: false, output: false, counts: false };
  const output = createOutputRoot(rowOf(job).outputHash);
  output.add({
    type: 'text-delta',
    text: answer.text,
    tokens: answer.tokens,
    ...(ids && ids.length === answer.tokens ? { ids: [...ids] } : {}),
  });
  // Whose tokens these were makes no difference to the root.
  const { reasoning, toolCalls, data } = answer.output;
  output.add({ type: 'reasoning-delta', text: reasoning, tokens: 0 });
  for (const [index, call] of toolCalls.entries()) output.add({ type: 'tool-call-delta', index, ...call, tokens: 0 });
  for (const [index, { mime, chunks }] of data.entries()) {
    for (const bytes of chunks) output.add({ type: 'data-delta', index, mime, bytes });
  }
  return checkReceipt(signed.receipt, {
    job,
    asker: receipt.asker,
    worker: worker.peer,
    output: output.summary(),
    reason,
    usage,
    price: receipt.price,
    engine: worker.engine,
    askedAt: answer.startedAt ?? receipt.issuedAt,
    receivedAt: answer.endedAt ?? receipt.issuedAt,
  });
}

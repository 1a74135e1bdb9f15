import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { presentedBytesMax, readPresented, type Presented } from '#lib/trust/presented.ts';
import { holds, verifyReceipt, type Known, type VerifiedClaim, type VerifiedReceipt } from '#lib/trust/verify.ts';
import type { Printed } from './program.ts';
import type { VerifyEnv } from './settings/commands.ts';

export interface VerifyInput {
  readonly env: VerifyEnv;
  readonly format: 'text' | 'json';
  readonly stdin: NodeJS.ReadableStream;
}

/**
 * `verify`: checks receipts offline, by themselves and by what is given of the prompt and the answer. Exit code 1 where a check
 * fails, or nobody signed.
 * @throws `bad-receipt`, `file-unreadable`.
 */
export async function verifyReceipts({ env, format, stdin }: VerifyInput): Promise<Printed> {
  const { VERIFY_RECEIPT: file } = env;
  const presented = readPresented(file === undefined || file === '-' ? await readInput(stdin) : await readText(file));
  const known = await readKnown(env, presented);
  const verified = presented.receipts.map((one) => verifyReceipt(one, known));
  const isGood = verified.every(holds);
  const out = format === 'json' ? `${JSON.stringify(asJson(verified), null, 2)}\n` : verified.map(asText).join('\n');
  const notes = format === 'json' ? '' : `${isGood ? limits : 'A check failed.'}\n`;
  return { out, notes, exitCode: isGood ? 0 : 1 };
}

const sentences: Readonly<Record<VerifiedClaim, string>> = {
  'worker-signature': 'The worker that it names signed it.',
  'asker-signature': 'The asker that it names signed that it received it.',
  'shown-fields': 'The fields shown beside it are those that were signed.',
  prompt: 'It covers exactly this prompt.',
  output: 'It covers exactly this answer.',
};

/** What no check here can see. */
const limits =
  'A receipt proves who answered and what was said, not which weights were run: that is what audits are for. One audit cannot see ' +
  'a quantised KV cache, nor Q8 weights in the place of f16.';

function asText({ receipt, hash, claims }: VerifiedReceipt): string {
  const marks = { holds: 'ok    ', fails: 'FAILED', unchecked: '-     ' } as const;
  const facts = receipt
    ? [
        ['receipt', hash ?? ''],
        ['job', receipt.jobId],
        ['worker', receipt.worker],
        ['asker', receipt.asker],
        ['model', `${receipt.model} (${receipt.artefact})`],
        ['tier', `${receipt.tier}, as the asker asked for it`],
        ['tokens', `${receipt.tokensIn} in, ${receipt.tokensOut} out`],
        ['issued', new Date(receipt.issuedAt).toISOString()],
        ['after', receipt.prevWorker],
      ].map(([name, value]) => `${name!.padEnd(8)} ${printable(value!)}`)
    : ['receipt  cannot be read'];
  const isOverIds = receipt?.outputForm === 'token-ids';
  const checks = claims.map(({ claim, result }) => {
    const why =
      claim === 'output' && isOverIds ? ' (Not checked: it is signed over token ids, which are not in an answer.)' : '';
    return `${marks[result]} ${sentences[claim]}${why}`;
  });
  return `${[...facts, ...checks].join('\n')}\n`;
}

const asJson = (verified: readonly VerifiedReceipt[]) => ({
  ok: verified.every(holds),
  receipts: verified.map((one) => ({
    hash: one.hash ?? null,
    ok: holds(one),
    checks: Object.fromEntries(one.claims.map(({ claim, result }) => [claim, result])),
    record: one.receipt ?? null,
  })),
  not_seen: limits,
});

async function readKnown(env: VerifyEnv, presented: Presented): Promise<Known> {
  const { VERIFY_PROMPT: prompt, VERIFY_ANSWER: answer, VERIFY_SALT: given } = env;
  const salt = given ?? presented.salt;
  if (prompt !== undefined && salt === undefined) {
    throw new TabloomError('bad-setting', 'A prompt is checked with its salt: tabloom.salt of the answer, or --salt.');
  }
  return {
    prompt: prompt === undefined || salt === undefined ? undefined : { input: inputOf(await readText(prompt)), salt },
    output: answer === undefined ? presented.output : { text: await readText(answer) },
  };
}

/** A request's body, or the text of one question. */
function inputOf(text: string): unknown {
  try {
    const body = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (Array.isArray(body['messages'])) return { messages: body['messages'] };
    if (typeof body['prompt'] === 'string') return { prompt: body['prompt'] };
  } catch {
    // Text, then.
  }
  return { messages: [{ role: 'user', content: text }] };
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > presentedBytesMax) throw new Error(`it has more than ${presentedBytesMax} bytes`);
    return bytes.toString('utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TabloomError('file-unreadable', `${printable(file)} cannot be read: ${why}.`, { cause });
  }
}

const readInput = async (stdin: NodeJS.ReadableStream): Promise<string> => readAll(stdin as AsyncIterable<Buffer>);

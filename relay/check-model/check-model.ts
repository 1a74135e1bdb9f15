import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { basename } from 'node:path';
import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { headerBytesMax } from '#lib/engine/files/gguf.ts';
import { readModelFile } from '#lib/engine/files/model-file.ts';
import { suspicionsOf } from '#lib/engine/files/model-suspicions.ts';
import { artefactId } from '#lib/protocol/artefact.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { signListing, type Listing } from '#lib/protocol/listing.ts';
import { loadSeed } from '../node/identity.ts';
import type { Printed } from '../program.ts';
import type { CheckModelEnv } from '../settings/commands.ts';
import { askModel, type AskedModel } from './ask-model.ts';
import { faultOf, readQuestions } from './questions.ts';

interface Finding {
  readonly check: string;
  readonly result: 'passed' | 'failed' | 'unchecked';
  readonly detail?: string;
}

/** Weights, and what an engine needs beside them: a tenth more, at least. */
const memoryFactor = 1.1;
const dayMs = 86_400_000;

/**
 * `check-model`: what can be found out of a model's file before anybody is offered it. Exit code 1 where a check fails; then no
 * listing is written.
 * @throws `bad-setting`, `file-unreadable`, `format-refused`, `model-malformed`, and what loading it throws.
 */
export async function checkModel(
  env: CheckModelEnv,
  format: 'text' | 'json',
  ask: typeof askModel = askModel,
): Promise<Printed> {
  const { CHECK_FILE: path } = env;
  if (path === undefined) throw new TabloomError('bad-setting', 'Name the file: check-model model.gguf.');
  const model = await readModel(path);
  const findings = await examine(env, model, ask);
  const isGood = findings.every(({ result }) => result !== 'failed');
  const listing = isGood ? await list(env, model, findings) : undefined;
  const { artefact, sha256, sizeBytes } = model;
  const facts = { artefact, sha256, sizeBytes, format: model.file.format, tensors: model.file.tensors };
  const out =
    format === 'json'
      ? `${JSON.stringify({ ok: isGood, ...facts, checks: findings, listing: listing ?? null }, null, 2)}\n`
      : [
          ...Object.entries(facts).map(([name, value]) => `${name.padEnd(10)} ${value}`),
          ...findings.map(
            ({ check, result, detail }) => `${marks[result]} ${check}${detail ? `: ${printable(detail)}` : ''}`,
          ),
          '',
        ].join('\n');
  if (listing && env.CHECK_LISTING !== undefined)
    await write(env.CHECK_LISTING, `${JSON.stringify(listing, null, 2)}\n`);
  return {
    out,
    notes: format === 'json' || isGood ? '' : 'A check failed: it is not listed.\n',
    exitCode: isGood ? 0 : 1,
  };
}

const marks = { passed: 'ok    ', failed: 'FAILED', unchecked: '-     ' } as const;

async function readModel(path: string): Promise<AskedModel> {
  try {
    const { size: sizeBytes } = await stat(path);
    const handle = await open(path);
    const head = new Uint8Array(Math.min(sizeBytes, headerBytesMax));
    try {
      await handle.read(head, 0, head.length, 0);
    } finally {
      await handle.close();
    }
    // The header first: what is refused need not be read to its end.
    const file = readModelFile(head, sizeBytes);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    const sha256 = hash.digest('hex');
    const artefact = artefactId({ files: [{ path: basename(path), sizeBytes, sha256 }] });
    return { path, sizeBytes, sha256, artefact, file };
  } catch (error) {
    if (error instanceof TabloomError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new TabloomError('file-unreadable', `${printable(path)} cannot be read: ${why}.`, { cause: error });
  }
}

async function examine(env: CheckModelEnv, model: AskedModel, ask: typeof askModel): Promise<readonly Finding[]> {
  const { file, sizeBytes } = model;
  const suspicions = suspicionsOf(file);
  const named = suspicions.map(({ code, found }) => `${code} (${found})`).join(', ');
  const licence = licenceOf(env, model);
  const needed = Math.ceil(sizeBytes * memoryFactor);
  const findings: Finding[] = [
    { check: 'format', result: 'passed', detail: `${file.format}, read and not run` },
    licence === undefined
      ? { check: 'licence', result: 'failed', detail: 'none is stated' }
      : { check: 'licence', result: 'passed', detail: licence },
    file.template === undefined
      ? { check: 'template', result: 'unchecked', detail: 'it has none' }
      : { check: 'template', result: 'passed', detail: 'never rendered: engines use one of their own' },
    suspicions.length > 0
      ? { check: 'addresses and hidden text', result: 'failed', detail: named.slice(0, 256) }
      : { check: 'addresses and hidden text', result: 'passed' },
    { check: 'size', result: needed > totalmem() ? 'failed' : 'passed', detail: `needs about ${mib(needed)} MiB` },
  ];
  const early = findings.some(({ result }) => result === 'failed');
  return [
    ...findings,
    early
      ? { check: 'answers', result: 'unchecked', detail: 'not asked after a failure' }
      : await askAll(env, model, ask),
  ];
}

async function askAll(env: CheckModelEnv, model: AskedModel, ask: typeof askModel): Promise<Finding> {
  const { CHECK_PROMPTS: prompts } = env;
  if (prompts === undefined) return { check: 'answers', result: 'unchecked', detail: 'no questions were given' };
  const questions = readQuestions(
    await readFile(prompts, 'utf8').catch((cause: unknown) => {
      throw new TabloomError('file-unreadable', `${printable(prompts)} cannot be read.`, { cause });
    }),
  );
  if (model.file.format !== 'gguf') return { check: 'answers', result: 'unchecked', detail: 'only GGUF is run here' };
  const answers = await ask(
    model,
    questions.map((one) => one.ask),
  );
  const faults = questions.flatMap((question, at) => {
    const fault = faultOf(question, answers[at] ?? '');
    return fault === undefined ? [] : [`${question.ask.slice(0, 60)}: ${fault}`];
  });
  if (faults.length === 0) return { check: 'answers', result: 'passed', detail: `${questions.length} as expected` };
  return { check: 'answers', result: 'failed', detail: faults.join('; ').slice(0, 256) };
}

async function list(env: CheckModelEnv, model: AskedModel, findings: readonly Finding[]) {
  if (env.CHECK_LISTING === undefined) return undefined;
  const { artefact, sizeBytes, sha256, path, file } = model;
  const now = Date.now();
  const listing: Listing = {
    artefact,
    name: (env.CHECK_NAME ?? basename(path)).slice(0, 128),
    files: [{ path: basename(path), sizeBytes, sha256 }],
    format: file.format,
    licence: licenceOf(env, model)!,
    checks: findings.flatMap(({ check, result, detail }) =>
      result === 'failed' ? [] : [{ check, result, ...(detail === undefined ? {} : { detail }) }],
    ),
    issuedAt: now,
    expiresAt: now + env.CHECK_DAYS * dayMs,
  };
  return signListing(listing, createSigner(await loadSeed(env.DATA_DIR, 'listing.key')));
}

const licenceOf = ({ CHECK_LICENCE }: CheckModelEnv, { file }: AskedModel): string | undefined =>
  (CHECK_LICENCE ?? file.licence)?.slice(0, 64);

const mib = (bytes: number): string => String(Math.ceil(bytes / 1024 ** 2));

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx' }).catch((cause: unknown) => {
    throw new TabloomError('file-unwritable', `${printable(path)} cannot be written, or is there already.`, { cause });
  });
}

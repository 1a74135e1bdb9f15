import { browserAnswers } from './browser.ts';
import { startKernel } from './kernels.ts';
import { answerOfEvents } from './measured-rows.ts';
import {
  audit,
  cheats,
  honestWorkers,
  loadLlama,
  requestFor,
  type Answer,
  type AuditedAnswer,
  type Worker,
} from './workers.ts';

/** The audited answers of one worker by one validator. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly isHonest: boolean;
  readonly temperature: number;
  readonly answers: readonly AuditedAnswer[];
}

export interface CurveOptions {
  readonly questions: readonly string[];
  /** How many of the questions each kind of worker gets. Threads that wait for each other are slow on a busy machine. */
  readonly counts: {
    readonly honest: number;
    readonly cheat: number;
    readonly threaded: number;
    readonly browser: number;
  };
  readonly say: (line: string) => void;
}

/** Kernels that add up in another order than the best that run here. */
const builds = [
  ['x64', 'plain x86-64'],
  ['haswell', 'AVX2'],
] as const;

type Validator = Awaited<ReturnType<typeof loadLlama>>;

/** Each worker of this process answers, and a validator reads the answers; greedy first, then sampled at 1. */
export async function measureNative({ questions, counts, say }: CurveOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const [byOne, byTwo] = [await loadLlama({ threads: 1 }), await loadLlama({ threads: 2 })];
  const add = async (row: Omit<Row, 'answers'>, answers: readonly Answer[], validator: Validator = byOne) => {
    rows.push({ ...row, answers: await auditAll(validator, answers, row.temperature) });
    say(`${row.title}, temperature ${row.temperature}: ${answers.length} answers`);
  };
  const answersOf = async (worker: Worker, temperature: number, count: number) => {
    const answers: Answer[] = [];
    for (const [seed, question] of questions.slice(0, count).entries()) {
      answers.push(await worker.answer(question, temperature, seed));
    }
    return answers.filter(({ ids }) => ids.length > 0);
  };
  const honest = async (threads: 1 | 2, temperature: number, count: number, validator: Validator) => {
    const worker = await honestWorkers[`llama-${threads}`]();
    const words = ['one thread', 'two threads'] as const;
    const title = `llama.cpp in Node, ${words[threads - 1]}, read by ${validator === byOne ? 'one' : 'two'}`;
    const name = `llama-${threads}-by-${validator === byOne ? 1 : 2}`;
    const row = { isHonest: true, name, title, temperature };
    await add(row, await answersOf(worker, temperature, count), validator);
    await worker.close();
  };
  await honest(1, 0, counts.honest, byOne);
  await honest(1, 1, counts.cheat, byOne);
  for (const [name, { title, isGreedyOnly, start }] of Object.entries(cheats)) {
    const worker = await start();
    for (const temperature of isGreedyOnly ? [0] : [0, 1]) {
      await add({ name, title, isHonest: false, temperature }, await answersOf(worker, temperature, counts.cheat));
    }
    await worker.close();
  }
  await honest(1, 0, counts.browser, byTwo);
  await honest(2, 0, counts.threaded, byOne);
  for (const [kernel, words] of builds) {
    const other = await startKernel(kernel).catch(() => undefined);
    if (!other) {
      say(`${words}: not on this processor`);
      continue;
    }
    const answers: Answer[] = [];
    for (const question of questions.slice(0, counts.cheat))
      answers.push(answerOfEvents(question, await other.answer(requestFor(question, 0))));
    other.close();
    const title = `llama.cpp in Node, built for ${words}, read by one built for this processor`;
    const said = answers.filter(({ ids }) => ids.length > 0);
    await add({ isHonest: true, name: `kernel-${kernel}`, title, temperature: 0 }, said);
  }
  await Promise.all([byOne.close(), byTwo.close()]);
  return rows;
}

/** wllama in Chromium answers greedily, and llama.cpp reads. */
export async function measureBrowser({ questions, counts, say }: CurveOptions): Promise<readonly Row[]> {
  const validator = await loadLlama({ threads: 1 });
  const rows: Row[] = [];
  for (const threads of [1, 2] as const) {
    const title = `wllama in Chromium, ${threads === 1 ? 'one thread' : 'two threads'}, read by llama.cpp`;
    const count = threads === 1 ? counts.browser : counts.threaded;
    const { answers, leftOut } = await browserAnswers(threads, questions.slice(0, count));
    rows.push({
      name: `wllama-${threads}`,
      title,
      isHonest: true,
      temperature: 0,
      answers: await auditAll(validator, answers, 0),
    });
    say(`${title}: ${answers.length} answers, ${leftOut} questions left out`);
  }
  await validator.close();
  return rows;
}

async function auditAll(
  { loaded }: Validator,
  answers: readonly Answer[],
  temperature: number,
): Promise<readonly AuditedAnswer[]> {
  const audited: AuditedAnswer[] = [];
  for (const one of answers) audited.push(await audit(loaded, one, temperature));
  return audited;
}

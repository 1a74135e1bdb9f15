import {
  calibratedRule,
  addMargins,
  sequentialStart,
  uncalibratedRule,
  type SeriesRule,
} from '#lib/trust/sequential.ts';
import { roundingMax, type Judgement } from '#lib/trust/rescore.ts';
import { bundledRows } from '../../relay/audit/bundled-rows.ts';
import { questions, shuffled } from './questions.ts';
import { table } from './tables.ts';
import { notFound } from './published-series.ts';
import { judgeTogether } from './windows.ts';
import { audit, cheats, honestWorkers, loadLlama, type AuditedAnswer, type Worker } from './workers.ts';

/** What the answers of one worker come to together: greedy, each to a question of its own, and so many that rare differences show. */
export interface Together {
  readonly title: string;
  readonly answers: readonly AuditedAnswer[];
}

/** Those that no single answer shows. */
const watched = ['canned', 'prompt', 'noise', 'q4', 'q8'] as const;

/** All that people have worded, and then two of them in one message, each pair once. */
export function manyQuestions(count: number): readonly string[] {
  const all = questions();
  const asked = [...all];
  for (let seed = 1; asked.length < count; seed++) {
    const second = shuffled(all, -seed);
    asked.push(...shuffled(all, seed).map((one, at) => `${one} ${second[at]}`));
  }
  return asked.slice(0, count);
}

export async function measureTogether(count: number, say: (line: string) => void): Promise<readonly Together[]> {
  const found: Together[] = [];
  const validator = await loadLlama({ threads: 1 });
  const add = async (title: string, worker: Worker) => {
    const answers: AuditedAnswer[] = [];
    for (const question of manyQuestions(count)) {
      const answer = await worker.answer(question, 0, 0);
      if (answer.ids.length > 0) answers.push(await audit(validator.loaded, answer, 0));
    }
    await worker.close();
    found.push({ title, answers });
    say(`${title}: ${answers.length} answers`);
  };
  await add('Honest: llama.cpp in Node, one thread', await honestWorkers['llama-1']());
  for (const name of watched) await add(cheats[name]!.title, await cheats[name]!.start());
  await validator.close();
  return found;
}

/** By the margins that the product ships, as panels and relays judge unless their network has published others. */
const shipped = bundledRows[0]!;
const orders = 100;

export function togetherTable(all: readonly Together[]): string {
  const rows = all.map(({ title, answers }) => {
    const margins = answers.map(({ ids, scores }) =>
      scores.slice(0, ids.length).map(({ best, logprob }) => Math.max(0, best - logprob)),
    );
    const flat = margins.flat();
    const beyond = (limit: number) => flat.filter((one) => one > limit).length;
    const largest = flat.reduce((max, one) => Math.max(max, one), 0);
    const until = [uncalibratedRule, calibratedRule(shipped)].map((rule) => tokensUntil(margins, rule) ?? notFound);
    const judged = answers.map((one) => judgeTogether([one], { manner: { type: 'greedy' }, calibration: shipped }));
    const count = (isSo: (one: Judgement) => boolean) => `${judged.filter(isSo).length} of ${judged.length}`;
    return [
      title,
      flat.length,
      beyond(0),
      beyond(roundingMax),
      largest.toFixed(4),
      ...until,
      tokensWithin(margins, calibratedRule(shipped)) ?? notFound,
      count(({ verdict }) => verdict === 'failed'),
      count(({ verdict, reasons }) => verdict === 'undecided' && reasons.includes('in-between')),
    ];
  });
  return table(
    [
      'Worker',
      'Tokens',
      'Not the likeliest',
      `By more than ${roundingMax}`,
      'Largest margin',
      'Tokens until its series convicts',
      'By the shipped row',
      'The same, in 97 of 100 orders within',
      'Answers that fail alone by it',
      'That are in doubt',
    ],
    rows,
  );
}

/** Of random orders of the same answers, 97 in a hundred are convicted within so many tokens. */
function tokensWithin(margins: readonly (readonly number[])[], rule: SeriesRule): number | undefined {
  const found = Array.from({ length: orders }, (_, seed) => tokensUntil(shuffled(margins, seed), rule) ?? Infinity);
  const within = found.sort((a, b) => a - b)[Math.floor(0.97 * orders) - 1]!;
  return within === Infinity ? undefined : within;
}

export function tokensUntil(margins: readonly (readonly number[])[], rule: SeriesRule): number | undefined {
  let [state, tokens] = [sequentialStart, 0];
  for (const one of margins) {
    state = addMargins(state, one, rule);
    tokens += one.length;
    if (state.verdict === 'convicted') return tokens;
  }
  return undefined;
}

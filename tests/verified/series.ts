import {
  calibratedRule,
  addMargins,
  sequentialStart,
  uncalibratedRule,
  type SeriesRule,
} from '#lib/trust/sequential.ts';
import { roundingMax } from '#lib/trust/rescore.ts';
import { questions, shuffled } from './questions.ts';
import { table } from './tables.ts';
import { calibrate } from './windows.ts';
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

export function togetherTable(all: readonly Together[]): string {
  const calibration = calibrate(all[0]!.answers);
  const rows = all.map(({ title, answers }) => {
    const margins = answers.map(({ ids, scores }) =>
      scores.slice(0, ids.length).map(({ best, logprob }) => Math.max(0, best - logprob)),
    );
    const flat = margins.flat();
    const beyond = (limit: number) => flat.filter((one) => one > limit).length;
    const largest = flat.reduce((max, one) => Math.max(max, one), 0);
    const until = [uncalibratedRule, calibratedRule(calibration)].map(
      (rule) => tokensUntil(margins, rule) ?? 'not found',
    );
    return [title, flat.length, beyond(0), beyond(roundingMax), largest.toFixed(4), ...until];
  });
  return table(
    [
      'Worker',
      'Tokens',
      'Not the likeliest',
      `By more than ${roundingMax}`,
      'Largest margin',
      'Tokens until its series convicts',
      'With a calibration',
    ],
    rows,
  );
}

function tokensUntil(margins: readonly (readonly number[])[], rule: SeriesRule): number | undefined {
  let [state, tokens] = [sequentialStart, 0];
  for (const one of margins) {
    state = addMargins(state, one, rule);
    tokens += one.length;
    if (state.verdict === 'convicted') return tokens;
  }
  return undefined;
}

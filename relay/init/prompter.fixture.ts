import { TabloomError } from '#lib/base/errors.ts';
import type { Prompter } from './prompter.ts';

/** Gives the answers one after the other, as a person would; `undefined` is Ctrl+C. Answers that are refused fail the test. */
export function scriptedPrompter(answers: readonly unknown[]) {
  const left = [...answers];
  const asked: string[] = [];
  const said: string[] = [];
  const next = (message: string): unknown => {
    asked.push(message);
    if (left.length === 0) throw new Error(`no answer to: ${message}`);
    const answer = left.shift();
    if (answer === undefined) throw new TabloomError('cancelled', 'Nothing was written.');
    return answer;
  };
  const known = (options: readonly { readonly value: string }[], value: string) => {
    if (!options.some((option) => option.value === value)) throw new Error(`${value} is none of the options`);
    return value;
  };
  const prompter: Prompter = {
    choose: async ({ message, options }) => known(options, next(message) as string) as never,
    chooseSome: async ({ message, options }) => (next(message) as string[]).map((value) => known(options, value)),
    async text({ message, problem }) {
      const text = next(message) as string;
      const wrong = problem(text);
      if (wrong !== undefined) throw new Error(wrong);
      return text;
    },
    confirm: async (message) => next(message) === true,
    say: (text) => void said.push(text),
  };
  return { ...prompter, asked, said };
}

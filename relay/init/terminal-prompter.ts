import * as clack from '@clack/prompts';
import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import type { Choice, Prompter } from './prompter.ts';

/** Names of models come from their servers, so that what is shown of them is made safe for a terminal. */
const shown = <Value extends string>({ options }: Choice<Value>): clack.Option<Value>[] =>
  options.map(({ value, label, hint }) => {
    const option = { value, label: printable(label), ...(hint === undefined ? {} : { hint: printable(hint) }) };
    return option as clack.Option<Value>;
  });

async function answered<T>(answer: Promise<T>): Promise<Exclude<T, symbol>> {
  const given = await answer;
  if (clack.isCancel(given)) throw new TabloomError('cancelled', 'Nothing was written.');
  return given as Exclude<T, symbol>;
}

export const terminalPrompter: Prompter = {
  choose: (question) => answered(clack.select({ message: question.message, options: shown(question) })),
  async chooseSome(question) {
    for (;;) {
      const options = shown(question);
      const some = await answered(clack.multiselect({ message: question.message, options, required: true }));
      if (some.length <= question.most) return some;
      clack.log.warn(`These are ${some.length}; choose at most ${question.most}.`);
    }
  },
  text: ({ message, example, initial, problem }) =>
    answered(
      clack.text({
        message,
        placeholder: example,
        ...(initial === undefined ? {} : { initialValue: initial }),
        validate: (text) => problem(text ?? ''),
      }),
    ),
  confirm: (message) => answered(clack.confirm({ message, initialValue: false })),
  say: (text) => clack.log.info(text),
};

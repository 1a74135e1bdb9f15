import { openBenchPage } from '../e2e/engine/bench-page.ts';
import type { EngineBench } from '../e2e/engine/page/main.ts';
import { answerTokensMax, type Answer } from './workers.ts';

declare const bench: EngineBench;

/** Ends an answer of the bundled model. */
const endId = 2;

/**
 * Greedy answers of wllama in Chromium, on so many threads. The package is asked for ids, which it reports beside its
 * log-probabilities, and throws at some: the questions of that instance are left out, and counted.
 * @param batch questions for one instance of the engine, which may fail at one of them.
 */
export async function browserAnswers(
  threads: 1 | 2,
  asked: readonly string[],
  batch = 10,
): Promise<{ readonly answers: readonly (Answer & { readonly text: string })[]; readonly leftOut: number }> {
  const { page, close } = await openBenchPage();
  try {
    const answers: (Answer & { readonly text: string })[] = [];
    let leftOut = 0;
    for (let at = 0; at < asked.length; at += batch) {
      const some = asked.slice(at, at + batch);
      const given = await page
        .evaluate(
          ([count, questions, tokens]) =>
            bench.placesWith(
              count,
              questions.map((one) => bench.chatPrompt(one)),
              tokens,
            ),
          [threads, some, answerTokensMax] as const,
        )
        .catch((error: unknown) => {
          if (String(error).includes('RuntimeError')) return undefined;
          throw error;
        });
      if (!given) {
        leftOut += some.length;
        continue;
      }
      const { isMultithread, answers: found } = given;
      if (isMultithread !== threads > 1)
        throw new Error(`wllama runs on ${isMultithread ? 'many threads' : 'one thread'}.`);
      for (const [index, places] of found.entries()) {
        const said = places.at(-1)?.id === endId ? places.slice(0, -1) : places;
        answers.push({
          question: some[index]!,
          ids: said.map(({ id }) => id),
          text: said.map(({ token }) => token).join(''),
          ending: said.length < answerTokensMax ? 'stop' : 'length',
        });
      }
    }
    return { answers, leftOut };
  } finally {
    await close();
  }
}

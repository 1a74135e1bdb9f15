import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest, JobEvent } from '#lib/peer/spec.ts';
import { splitThoughts } from './thoughts.ts';

/** What could be asked next: a small job of its own, for whoever has just answered and so knows all of it already. */
const wanted = 3;
const lengthMax = 120;
const tokensMax = 96;
/** Beyond, nobody waits for it any more. */
const deadlineMs = 20_000;
/** Characters of the question and of the answer that go along. */
const questionMax = 1_500;
const answerMax = 3_000;
const instruction =
  'Suggest three short questions that I could ask you next, in the language of this conversation. Write each on a line of its own, and nothing else.';

/** Undefined where nothing is asked: an answer that did not end by itself, or that cost something. */
export function followUpRequest(question: string, answer: JobState): AskRequest | undefined {
  const { worker, job, reason, cost } = answer;
  const said = splitThoughts(answer.text, answer.output.reasoning).answer.trim();
  if (answer.phase !== 'finished' || reason !== 'stop' || !worker || !job || cost || said === '' || question === '')
    return undefined;
  return {
    model: { name: worker.model },
    kind: 'chat',
    input: {
      messages: [
        { role: 'user', content: question.slice(0, questionMax) },
        { role: 'assistant', content: said.slice(-answerMax) },
        { role: 'user', content: instruction },
      ],
    },
    params: { maxTokens: tokensMax, temperature: 0.7 },
    tier: worker.self ? 'open' : job.tier,
    deadlineMs,
    // Without a budget: only where it is free.
    only: [worker.peer],
  };
}

/** Questions that a model has listed, without what lists begin with. One line alone is no list. */
export function readFollowUps(text: string, question: string): readonly string[] {
  const lines = splitThoughts(text)
    .answer.split('\n')
    .map((line) =>
      line
        .replace(/^\s*(?:[-*•–]|\(?\d{1,2}[.):、])\s*/u, '')
        .replaceAll(/^["“„«*]+|["”“»*]+$/gu, '')
        .trim(),
    )
    .filter((line) => line !== '' && line.length <= lengthMax && line !== question && /[?？؟]$/u.test(line));
  const found = [...new Set(lines)].slice(0, wanted);
  return found.length > 1 ? found : [];
}

/** Failures are silent: nothing is suggested. Nor is a place in a queue taken for it. */
export async function askFollowUps(
  question: string,
  answer: JobState,
  ask: (request: AskRequest) => AsyncIterable<JobEvent>,
): Promise<readonly string[]> {
  const request = followUpRequest(question, answer);
  if (!request) return [];
  try {
    let job = initialJob;
    for await (const event of ask(request)) {
      job = reduceJob(job, event);
      if (event.type === 'job-accepted' && event.position > 0) return [];
    }
    return job.phase === 'finished' ? readFollowUps(job.text, question) : [];
  } catch {
    return [];
  }
}

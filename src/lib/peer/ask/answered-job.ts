import type { Envelope } from '#lib/protocol/envelope.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { JobEvent } from '../spec.ts';

/** A canary, or a job that its asker has released, with its whole answer, as it was sent and received. */
export interface AnsweredJob {
  readonly job: Job;
  readonly parts: readonly Part[];
  readonly receipt: Envelope;
}

/**
 * The same events, and the answer as one before the event that ends it. Not of one that another worker went on with, that broke off, or that has more parts
 * than an audit shows: no validator could judge it.
 */
export async function* withAnswer(
  events: AsyncIterable<JobEvent>,
  onAnswer: (answered: AnsweredJob) => void,
): AsyncGenerator<JobEvent> {
  let job: Job | undefined;
  let parts: Part[] = [];
  for await (const event of events) {
    if (event.type === 'worker-chosen') [job, parts] = [event.job, []];
    if (event.type === 'part-received' && parts.length <= limits.auditPartsMax) parts.push(event.part);
    if (event.type === 'job-finished' && job && !job.resume && parts.length <= limits.auditPartsMax)
      onAnswer({ job, parts, receipt: event.receipt.receipt });
    yield event;
  }
}

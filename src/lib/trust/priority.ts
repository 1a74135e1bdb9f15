import { workTypical } from './work.ts';

/**
 * An asker's priority in a worker's queue: higher is served sooner, and 0 is a stranger's. It is what the asker has
 * earned by serving, as the worker sees it, divided by what it has been given, so that waiting askers get answers in
 * proportion to their contribution (C. Waldspurger and W. Weihl, "Stride scheduling", 1995). Failures never rank a peer
 * below a stranger, because a new key is free.
 *
 * @param earned reputation of the asker at the worker, in units of work.
 * @param given work done for the asker, in the same units and with the same decay.
 */
export const queuePriority = ({ earned, given }: { readonly earned: number; readonly given: number }): number =>
  Math.max(0, earned) / (Math.max(0, given) + workTypical);

/** Of a job that its asker pays for with money: that of a peer that has served a typical job and was given nothing. */
export const boughtPriority: number = queuePriority({ earned: workTypical, given: 0 });

import { workTypical } from './work.ts';

/**
 * An asker's place in a worker's queue: the higher, the sooner; 0 is a stranger's. What it earned by serving, as the worker
 * sees it, over what it has been given for it, so that those who wait get answers in proportion to what they did for others
 * (C. Waldspurger and W. Weihl, "Stride scheduling", 1995). Who failed stands no lower than a stranger: a new key is free.
 *
 * @param earned reputation of the asker at the worker, in units of work.
 * @param given what the worker has done for it, in the same units and halved by age alike.
 */
export const queuePriority = ({ earned, given }: { readonly earned: number; readonly given: number }): number =>
  Math.max(0, earned) / (Math.max(0, given) + workTypical);

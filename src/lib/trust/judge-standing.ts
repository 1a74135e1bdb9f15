import type { PanelFault } from './trial-state.ts';

/** How a validator has judged: how often it was called, and what it did wrong. */
export interface JudgeStanding {
  readonly seats: number;
  readonly faults: Readonly<Partial<Record<PanelFault, number>>>;
}

export const noSeats: JudgeStanding = { seats: 0, faults: {} };

/** Before so many seats nothing is said of absence: a machine is restarted now and then. */
const seatsMin = 8;
/** One is an accident of two engines or of a disk; of looking, nobody fails so often by chance. */
export const dishonestMax = 2;
const absent: ReadonlySet<PanelFault> = new Set(['slept', 'no-reveal']);

/**
 * Whether a validator should stay named. Who did not look (copied, guessed, missed what was planted, changed its mind) is unfit after
 * three times; who is called and is not there, when that is more than half of its seats.
 */
export function isFit({ seats, faults }: JudgeStanding): boolean {
  const all = Object.entries(faults) as [PanelFault, number][];
  const sum = (isAbsent: boolean) =>
    all.reduce((total, [fault, count]) => (absent.has(fault) === isAbsent ? total + count : total), 0);
  return sum(false) <= dishonestMax && (seats < seatsMin || sum(true) * 2 <= seats);
}

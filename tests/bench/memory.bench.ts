import { count, onField } from './gateway/field.ts';
import { measure, type Load } from './gateway/load.ts';
import { residentMiB } from './gateway/process.ts';
import type { Row } from './row.ts';

const requests = 100_000;
const steps = 4;
/** Of each step, so that it ends in four minutes on a slow machine too. */
const secondsMax = 60;
const load: Load = {
  model: 'burst',
  connections: 8,
  requests: requests / steps,
  maxTokens: 16,
  stream: false,
  secondsMax,
};

/** The gateway's memory over 100,000 answers, or as many as four minutes allow: a leak shows as growth from one quarter to the next. */
export default async function memory(): Promise<readonly Row[]> {
  return await onField(
    async ({ tabloom }) => {
      const resident = [residentMiB(tabloom.pid)];
      let [answers, failed] = [0, 0];
      for (let step = 0; step < steps; step++) {
        const measured = await measure(tabloom, load);
        answers += measured.wholeMs.length;
        failed += measured.failed;
        resident.push(residentMiB(tabloom.pid));
      }
      const grown = resident.at(-1)! - resident.at(-2)!;
      return [
        {
          what: `memory over ${count(answers)} answers: growth in the last quarter`,
          value: `${grown.toFixed(0)} MiB`,
          goal: 'flat',
          note: `${resident.map((mib) => mib.toFixed(0)).join(', ')} MiB after each quarter; ${failed} failed`,
        },
      ];
    },
    { rivals: 'without' },
  );
}

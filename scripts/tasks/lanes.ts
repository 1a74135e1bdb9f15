import { add, none, one, type Counts } from './counts.ts';
import type { Print } from './tool.ts';

/** One gate of `npm test`. It returns what its own tests counted, or a single pass or failure. */
export interface Step {
  readonly name: string;
  readonly run: (print: Print) => Promise<Counts>;
}

/**
 * Runs lanes concurrently and the steps of each lane in order, continuing after failures; a lane that has come to its end takes
 * from `rest`, so that none is idle. Each step ends with a result line; while several lanes run, its output is held back until
 * then, so that nothing is interleaved.
 */
export async function runLanes(
  lanes: readonly (readonly Step[])[],
  print: Print,
  rest: readonly Step[] = [],
): Promise<Counts> {
  const left = [...rest];
  const busy = lanes.filter((steps) => steps.length > 0);
  if (busy.length === 0 && left.length > 0) busy.push([]);
  const counts = await Promise.all(
    busy.map(async (steps) => {
      let total = none;
      const own = [...steps];
      for (let step = own.shift() ?? left.shift(); step; step = own.shift() ?? left.shift()) {
        total = add(total, await runStep(step, busy.length > 1 ? 'whole' : 'live', print));
      }
      return total;
    }),
  );
  return counts.reduce(add, none);
}

async function runStep({ name, run }: Step, output: 'whole' | 'live', print: Print): Promise<Counts> {
  const held: string[] = [];
  const show: Print = output === 'whole' ? (text) => void held.push(text) : print;
  const startedMs = performance.now();
  const counts = await run(show).catch((error: unknown) => {
    show(`${String(error)}\n`);
    return one(false);
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const verdict = counts.failed > 0 ? 'FAIL' : 'ok  ';
  const line = `${verdict}  ${name.padEnd(12)} ${counts.passed} passed, ${counts.failed} failed  (${seconds} s)\n`;
  print(held.join('') + line);
  return counts;
}

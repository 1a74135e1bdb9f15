import { playJobs } from '../../tests/paid/jobs.ts';

/** Plays so many paid jobs in memory, and tells where the money is. @returns whether it is where it should be. */
export async function tellJobs(count: number, seed: number, say: (line: string) => void): Promise<boolean> {
  const { jobs, kills, endings, cut, sheet, hub, complaints } = await playJobs({ jobs: count, seed });
  const told = (of: Iterable<readonly [string, unknown]>) =>
    [...of].map(([name, value]) => `${name} ${value}`).join(', ');
  say(`${jobs} jobs: ${told(endings)}`);
  say(`killed: ${told(Object.entries(kills))}`);
  say(
    `${cut.attempts} attempts were cut: workers and the hub are out by ${cut.worker} units in all, those who paid them by ${cut.asker}`,
  );
  say(`the hub was promised ${hub.got} units, and has passed on ${hub.passedOn}`);
  for (const [name, units] of Object.entries(sheet)) say(`${name.padEnd(10)} ${units}`);
  for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
  return complaints.length === 0;
}

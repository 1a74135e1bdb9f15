import { createArena, type Arena, type Figures } from './arena.ts';
import { attacks, type AttackName } from './attacks.ts';

/**
 * What an asker must hold against whatever comes. Where nobody has standing, jobs are spread over zones, and the honest of the
 * arena are one of three.
 */
export const goals = { honestShareMin: 0.97, slowdownMax: 1.3, shareWithoutStandingMin: 0.25 } as const;

export interface Round {
  readonly name: string;
  readonly before: Figures;
  readonly during: Figures;
  readonly after: Figures;
  readonly identities: number;
}

export interface RoundSize {
  readonly identities: number;
  readonly zones: number;
  readonly jobs: number;
}

/** One attack, or all at once, on an asker that has worked before and works after. */
export async function playRound(
  arena: Arena,
  name: string,
  names: readonly AttackName[],
  { identities, zones, jobs, network }: RoundSize & { readonly network: number },
): Promise<Round> {
  const calm = Math.ceil(jobs / 4);
  const before = await arena.ask(calm);
  const invaders = await arena.invade({ attacks: names, identities, zones, network, auditions: arena.auditions });
  // What was saved up for newcomers is spent at once.
  await arena.ask(calm);
  const during = await arena.ask(jobs);
  await invaders.leave();
  return { name, before, during, after: await arena.ask(calm), identities: invaders.identities };
}

/** Sentences about what does not hold; none where all does. */
export function breachesOf({ name, during, after }: Round, standing: 'some' | 'none'): readonly string[] {
  const shareMin = standing === 'some' ? goals.honestShareMin : goals.shareWithoutStandingMin;
  const breaches: string[] = [];
  if (during.honestShare < shareMin) breaches.push(`${name}: ${percent(during.honestShare)} served by honest workers`);
  for (const { failed } of [during, after]) if (failed.length > 0) breaches.push(`${name}: ${failed.join(', ')}`);
  return breaches;
}

/** What the attack costs those who wait, against the slower of the two calm times: the machine may have other work. */
function slownessOf({ name, before, during, after }: Round): readonly string[] {
  const slowdown = during.medianMs / Math.max(before.medianMs, after.medianMs);
  return slowdown > goals.slowdownMax ? [`${name}: ${slowdown.toFixed(2)} times as slow`] : [];
}

/** Each attack on its own and all at once, beside workers with standing and where nobody has any. */
export async function playAll(report: (line: string) => void): Promise<readonly string[]> {
  const breaches: string[] = [];
  const names = Object.keys(attacks) as AttackName[];
  for (const standing of ['some', 'none'] as const) {
    const alone = { identities: 8, zones: 2, jobs: 100 };
    report(`\n${standing === 'some' ? 'Beside workers with standing' : 'Where nobody has standing'}\n${header}`);
    for (const [network, name] of names.entries()) {
      const arena = await createArena(standing === 'none' ? { standing } : { auditions: 'passed' });
      const round = await playRound(arena, name, [name], { ...alone, network: 10 + network });
      await arena.stop();
      report(rowOf(round));
      breaches.push(...breachesOf(round, standing));
    }
  }
  const arena = await createArena({ auditions: 'passed' });
  const all = await playRound(arena, 'all at once', names, { identities: 50, zones: 5, jobs: 400, network: 100 });
  await arena.stop();
  report(`\nFifty identities in five zones, a new one for each found out\n${header}\n${rowOf(all)}`);
  return [...breaches, ...breachesOf(all, 'some'), ...slownessOf(all)];
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const header =
  '| attack | honest before | during | after | failed | median before | during | identities |\n| --- | --- | --- | --- | --- | --- | --- | --- |';
const rowOf = ({ name, before, during, after, identities }: Round): string =>
  `| ${[
    name,
    percent(before.honestShare),
    percent(during.honestShare),
    percent(after.honestShare),
    during.failed.length + after.failed.length,
    `${before.medianMs} ms`,
    `${during.medianMs} ms`,
    identities,
  ].join(' | ')} |`;

import {
  atLeast,
  auditShares,
  breakEven,
  cheatGain,
  cheats,
  detectionNeeded,
  falseAccusation,
  justAccusation,
  lazyLosesFrom,
  measuredCheats,
  selfConviction,
  seriesCheats,
  seriesGain,
  slashOf,
  unheardChallenge,
  validating,
  votePay,
  wronglyMax,
} from './economics.ts';
import { auditCost, canaryShares, gainByLevy, reScored } from './levy-economics.ts';

const whole = slashOf(1);
/** What a race for the cheapest verdict would leave of a slash. */
const raced = -selfConviction();

const number = (value: number, digits = 2): string => (value > 0 ? '+' : '') + value.toFixed(digits);
const percent = (value: number): string => `${(100 * value).toFixed(value < 0.01 ? 2 : 1)} %`;
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** The tables of docs/ECONOMICS.md, by the names of their places. @param verification the text of docs/VERIFICATION.md. */
export const economicsTables = (verification: string): Readonly<Record<string, string>> => ({
  cheating: table(
    ['Cheat', 'saves', 'found by one audit', 'gain a job at 25 %', 'gain a job at 2 %', 'pays below p·d of'],
    cheats.map((cheat) => [
      cheat.name,
      percent(cheat.saved),
      percent(cheat.detection),
      number(cheatGain(cheat, auditShares.entry, whole)),
      number(cheatGain(cheat, auditShares.floor, whole)),
      percent(breakEven(cheat.saved, whole)),
    ]),
  ),
  measured: table(
    [
      'Cheat',
      'saves',
      'found by audits of 128 tokens',
      'at least, with 95 %',
      'gain a job at 25 %',
      'gain a job at 2 %',
    ],
    measuredCheats(verification).map((one) => [
      one.name,
      percent(one.saved),
      `${one.found} of ${one.tried}`,
      percent(atLeast(one).detection),
      number(cheatGain(atLeast(one), auditShares.entry, whole)),
      number(cheatGain(atLeast(one), auditShares.floor, whole)),
    ]),
  ),
  together: table(
    ['Cheat', 'saves', 'single answers convict', 'in doubt', 'audited in the long run', 'gain a job then'],
    seriesCheats(verification).map((cheat) => {
      const { share, gain } = seriesGain(cheat);
      const { name, saved, answers, failed, doubted } = cheat;
      return [
        name,
        percent(saved),
        `${failed} of ${answers}`,
        `${doubted} of ${answers}`,
        percent(share),
        number(gain),
      ];
    }),
  ),
  share: table(
    ['Saved of the price', 'detection needed at 25 %', 'at 2 %', 'at 1 %', 'at 0.5 %'],
    [1, 0.8, 0.4, 0.2].map((saved) => [
      percent(saved),
      ...[0.25, 0.02, 0.01, 0.005].map((share) => {
        const needed = detectionNeeded(saved, share, whole);
        return needed > 1 ? 'none' : percent(needed);
      }),
    ]),
  ),
  others: table(
    ['Strategy', 'expected gain', 'why'],
    [
      [
        'accusing an honest provider, for its whole bond',
        number(falseAccusation(1, 0.0001)),
        `one in ten thousand convicted wrongly, after an appeal; it pays only above ${percent(wronglyMax(1))}`,
      ],
      ['the same, for the least penalty', number(falseAccusation(0, 0.0001)), 'a tenth of it'],
      ['accusing a cheat, for its whole bond', number(justAccusation(1)), 'what an honest challenger is for'],
      [
        'convicting oneself for the least penalty',
        number(selfConviction(0)),
        'half of it burns, three tenths come back',
      ],
      [
        'the same with a quorum of judges of one’s own',
        number(selfConviction(3)),
        'what they are paid stays in the family',
      ],
      ['challenging oneself, and nobody votes', number(unheardChallenge()), 'and the job is not decided by it'],
      [
        'guessing as a validator, over 500 tasks',
        number(validating('lazy', 500, 1) - validating('honest', 500, 1), 0),
        `against an honest one; it loses from ${lazyLosesFrom(1)} tasks on`,
      ],
    ],
  ),
  race: table(
    ['Cheat', 'gain a job at 2 %, slash of the whole bond', 'at 2 %, slash by the cheapest verdict', 'p·d needed then'],
    cheats.map((cheat) => [
      cheat.name,
      number(cheatGain(cheat, auditShares.floor, whole)),
      number(cheatGain(cheat, auditShares.floor, raced)),
      percent(breakEven(cheat.saved, raced)),
    ]),
  ),
  levy: table(
    ['Canaries that are audited', 'of all answers', 'cost of a price', ...cheats.map(({ name }) => name)],
    canaryShares.map((share) => [
      percent(share),
      percent(reScored(share)),
      percent(auditCost(share)),
      ...cheats.map((cheat) => number(gainByLevy(cheat, share, whole))),
    ]),
  ),
  numbers: table(
    ['', 'in prices of the largest job'],
    [
      ['bond', whole.toFixed(0)],
      ['least penalty', slashOf(0).toFixed(0)],
      [
        'what a vote brings, first round and after an appeal',
        `${votePay(1).first.toFixed(2)}, ${votePay(1).appeal.toFixed(2)}`,
      ],
      ['what the least self-conviction costs', raced.toFixed(2)],
    ],
  ),
});

/** The document with its tables as they come out now. @throws where a place for a table is missing. */
export function withTables(document: string, verification: string): string {
  let text = document;
  for (const [name, body] of Object.entries(economicsTables(verification))) {
    const place = new RegExp(`(<!-- table: ${name} -->\n)[\\s\\S]*?(\n<!-- end -->)`);
    if (!place.test(text)) throw new Error(`docs/ECONOMICS.md has no place for the table "${name}"`);
    text = text.replace(place, (_all, begin: string, end: string) => `${begin}\n${body}\n${end}`);
  }
  return text;
}

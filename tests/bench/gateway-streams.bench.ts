import {
  compare,
  count,
  failures,
  firstP50,
  medianOf,
  ms,
  onField,
  ratio,
  tokenCpu,
  tokenRate,
} from './gateway/field.ts';
import type { Load, Target } from './gateway/load.ts';
import type { Row } from './row.ts';

const loads = {
  first: { model: 'paced-50', connections: 1, requests: 30, maxTokens: 2, stream: true },
  burst1: { model: 'burst', connections: 1, requests: 20, maxTokens: 1_500, stream: true },
  burst4: { model: 'burst', connections: 4, requests: 40, maxTokens: 1_500, stream: true },
  burst32: { model: 'burst', connections: 32, requests: 64, maxTokens: 1_500, stream: true },
} as const satisfies Record<string, Load>;

/** Answers that are streamed as fast as they can be read, and the first token of one that is not. */
export default async function gatewayStreams(): Promise<readonly Row[]> {
  return await onField(async ({ direct, tabloom, portkey, llms, missing }) => {
    const seen = await compare(loads, [direct, tabloom, portkey, llms]);
    const addedFirst = (target: Target | undefined) =>
      medianOf(seen(target, 'first'), firstP50) - medianOf(seen(direct, 'first'), firstP50);
    const cpu = (target: Target | undefined) => medianOf(seen(target, 'burst4'), tokenCpu);
    const bursts = (['burst1', 'burst4', 'burst32'] as const).map((name): Row => {
      const [own = NaN, theirs = NaN, others = NaN, alone = NaN] = [tabloom, portkey, llms, direct].map((target) =>
        medianOf(seen(target, name), tokenRate),
      );
      return {
        what: `tokens/s of a burst, ${loads[name].connections} streams ÷ Portkey’s; ÷ llms’`,
        value: `${ratio(own, theirs)}; ${ratio(own, others)}`,
        goal: '≥ 1.2; ≥ 0.9',
        note: `${count(own)}, ${count(theirs)}, ${count(others)}; direct ${count(alone)}`,
      };
    });
    const all = Object.keys(loads).flatMap((name) => seen(tabloom, name as keyof typeof loads));
    return [
      {
        what: 'first token added, paced server',
        value: ms(addedFirst(tabloom)),
        goal: '≤ 4 ms',
        note: `Portkey ${ms(addedFirst(portkey))}, llms ${ms(addedFirst(llms))}`,
      },
      {
        what: 'processor time of a token of a burst, 4 streams',
        value: ms(cpu(tabloom), 4),
        goal: '≤ 0.01 ms',
        note: `Portkey ${ms(cpu(portkey), 4)}, llms ${ms(cpu(llms), 4)}`,
      },
      ...bursts,
      { what: 'streams that failed', value: String(failures(all)), goal: '0', note: missing ?? '' },
    ];
  });
}

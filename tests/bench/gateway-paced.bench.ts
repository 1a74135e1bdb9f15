import { compare, failures, medianOf, ms, onField, ratio, tokenCpu, tokenRate } from './gateway/field.ts';
import type { Load } from './gateway/load.ts';
import { spread, type Row } from './row.ts';

const rates = {
  paced1: { model: 'paced-100', connections: 1, requests: 1, maxTokens: 300, stream: true },
  paced4: { model: 'paced-100', connections: 4, requests: 4, maxTokens: 300, stream: true },
  paced64: { model: 'paced-30', connections: 64, requests: 64, maxTokens: 90, stream: true },
} as const satisfies Record<string, Load>;
const costs = {
  paced32: { model: 'paced-50', connections: 32, requests: 32, maxTokens: 200, stream: true },
} as const satisfies Record<string, Load>;

/** Streams at the pace of a model. */
export default async function gatewayPaced(): Promise<readonly Row[]> {
  return await onField(async ({ direct, tabloom, portkey, llms, missing }) => {
    const seen = await compare(rates, [direct, tabloom]);
    const cost = await compare(costs, [tabloom, portkey, llms]);
    const paced = (['paced1', 'paced4', 'paced64'] as const).map((name): Row => {
      const [own, alone] = [seen(tabloom, name), seen(direct, name)];
      return {
        what: `tokens/s of ${rates[name].connections} streams paced at ${rates[name].model.slice(6)} ÷ direct`,
        value: ratio(medianOf(own, tokenRate), medianOf(alone, tokenRate)),
        goal: '≥ 0.99',
        note: `${spread(own.map(tokenRate), 0)}; ${failures(own)} failed`,
      };
    });
    const [own = NaN, theirs = NaN, others = NaN] = [tabloom, portkey, llms].map((target) =>
      medianOf(cost(target, 'paced32'), tokenCpu),
    );
    return [
      {
        what: 'processor time of a token, 32 streams paced at 50',
        value: ms(own, 3),
        goal: '≤ 0.1 ms',
        note: `Portkey ${ms(theirs, 3)}, llms ${ms(others, 3)}${missing === undefined ? '' : `; ${missing}`}`,
      },
      ...paced,
    ];
  });
}

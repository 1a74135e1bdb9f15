import { capNames, type CapName, type KeyWish } from '#lib/state/keys.ts';

/** What a person has typed. */
export interface KeyForm {
  readonly name: string;
  readonly type: KeyWish['type'];
  /** Both by line or comma. */
  readonly models: string;
  readonly origins: string;
  /** Days until it expires; empty: never. */
  readonly days: string;
  readonly caps: Readonly<Record<CapName, string>>;
}

export type KeyProblem =
  | { readonly problem: 'origins-missing' | 'day-cap-missing' }
  | { readonly problem: 'origin'; readonly text: string }
  | { readonly problem: 'cap'; readonly cap: CapName };

export const emptyForm: KeyForm = {
  name: '',
  type: 'secret',
  models: '',
  origins: '',
  days: '90',
  caps: Object.fromEntries(capNames.map((name) => [name, ''])) as Record<CapName, string>,
};

/** Days to choose from; empty: never. */
export const dayChoices = ['7', '30', '90', '365', ''] as const;

const dayMs = 86_400_000;
const capMax = 1_000_000_000_000;

/** What the form asks for, or the first thing in it that the gateway would refuse. @param now milliseconds since the epoch. */
export function readForm({ name, type, models, origins, days, caps }: KeyForm, now: number): KeyWish | KeyProblem {
  const wished: Partial<Record<CapName, number>> = {};
  for (const cap of capNames) {
    const text = caps[cap].replace(/[\s_]/g, '');
    if (text === '') continue;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > capMax) return { problem: 'cap', cap };
    wished[cap] = value;
  }
  const pages = listed(origins);
  const wrong = pages.find((origin) => !isOrigin(origin));
  if (wrong !== undefined) return { problem: 'origin', text: wrong };
  if (type === 'publishable') {
    if (pages.length === 0) return { problem: 'origins-missing' };
    if (wished.requestsPerDay === undefined && wished.tokensPerDay === undefined) return { problem: 'day-cap-missing' };
  }
  const expiresAt = days === '' ? undefined : now + Number(days) * dayMs;
  return { name: name.trim(), type, models: listed(models), origins: pages, expiresAt, caps: wished };
}

const listed = (text: string): readonly string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))];

/** As browsers send it: no path, no password. Schemes of apps and extensions too. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.host !== '' && text.replace(/\/$/, '') === `${url.protocol}//${url.host}`;
}

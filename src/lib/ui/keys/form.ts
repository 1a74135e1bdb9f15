import { capNames, creditsPerPurchaseMax, type CapName, type KeyWish } from '#lib/state/keys.ts';

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
  | { readonly problem: 'origins-missing' | 'day-cap-missing' | 'days' }
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

/** Days that are suggested. */
export const dayChoices = ['7', '30', '90', '365'] as const;

const dayMs = 86_400_000;
const daysMax = 36_500;
const capMax = 1_000_000_000_000;
/** Of a plan: ten thousand dollars a month. */
const creditsMax = 1_000_000;

/** What the form asks for, or the first thing in it that the gateway would refuse. @param now milliseconds since the epoch. */
export function readForm({ name, type, models, origins, days, caps }: KeyForm, now: number): KeyWish | KeyProblem {
  const wished: Partial<Record<CapName, number>> = {};
  for (const cap of capNames) {
    const text = caps[cap].trim();
    if (text === '') continue;
    const value = wholeOf(text, cap === 'creditsPerMonth' ? creditsMax : capMax);
    if (value === undefined) return { problem: 'cap', cap };
    wished[cap] = value;
  }
  const pages = listed(origins);
  const wrong = pages.find((origin) => !isOrigin(origin));
  if (wrong !== undefined) return { problem: 'origin', text: wrong };
  if (type === 'publishable') {
    if (pages.length === 0) return { problem: 'origins-missing' };
    if (wished.requestsPerDay === undefined && wished.tokensPerDay === undefined) return { problem: 'day-cap-missing' };
  }
  const last = days.trim() === '' ? 0 : wholeOf(days, daysMax);
  if (last === undefined) return { problem: 'days' };
  const expiresAt = last === 0 ? undefined : now + last * dayMs;
  return { name: name.trim(), type, models: listed(models), origins: pages, expiresAt, caps: wished };
}

/** Credits to buy, as typed; undefined for anything but a whole number that is sold at once. */
export const readPurchase = (text: string): number | undefined => wholeOf(text, creditsPerPurchaseMax);

/** In the dollar's units; a credit is a cent. */
export const unitsOfCredits = (credits: number): bigint => BigInt(credits) * 10_000n;

/** From one to the most, with spaces between digits or without. */
function wholeOf(text: string, most: number): number | undefined {
  const digits = text.replace(/[\s_]/g, '');
  const value = Number(digits);
  return /^\d+$/.test(digits) && value >= 1 && value <= most ? value : undefined;
}

const listed = (text: string): readonly string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))];

/** As browsers send it: no path, no password. Schemes of apps and extensions too. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.host !== '' && text.replace(/\/$/, '') === `${url.protocol}//${url.host}`;
}

import type { Value } from './second-reader.ts';

/** The types used in the tables of `src/lib/protocol/README.md`: each parses a value, or throws `Refused`. */
export type Check = (value: Value | undefined) => Value;
export type Members = Readonly<Record<string, Check>>;
export type Row = { [key: string]: Value };

export class Refused extends Error {
  readonly reading: 'bad' | 'version';
  constructor(reading: 'bad' | 'version') {
    super(reading);
    this.reading = reading;
  }
}
export const bad = (): never => {
  throw new Refused('bad');
};
export const unknown = (): never => {
  throw new Refused('version');
};

export const number =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === 'number' && value >= min && value <= max ? value : bad();
export const integer =
  (min: number, max: number): Check =>
  (value) =>
    Number.isSafeInteger(value) ? number(min, max)(value) : bad();
export const count = integer(0, Number.MAX_SAFE_INTEGER);
export const above =
  (min: number, max: number): Check =>
  (value) =>
    value === min ? bad() : number(min, max)(value);
export const text =
  (max: number, min = 0): Check =>
  (value) =>
    typeof value === 'string' && value.length >= min && value.length <= max ? value : bad();
export const utf8 =
  (max: number, min = 0): Check =>
  (value) =>
    typeof value === 'string' && value.length >= min && Buffer.byteLength(value) <= max ? value : bad();
export const like =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? value : bad();
export const bytes =
  (max: number, min = 0): Check =>
  (value) =>
    Buffer.isBuffer(value) && value.length >= min && value.length <= max ? value : bad();
export const boolean: Check = (value) => (typeof value === 'boolean' ? value : bad());
export const list =
  (of: Check, max: number, min = 0): Check =>
  (value) =>
    Array.isArray(value) && value.length >= min && value.length <= max ? value.map(of) : bad();
export const either =
  (test: (value: Value | undefined) => boolean, yes: Check, no: Check): Check =>
  (value) =>
    (test(value) ? yes : no)(value);
/** A closed list in a context where everything has to be understood. */
export const oneOf =
  (...known: string[]): Check =>
  (value) =>
    typeof value !== 'string' ? bad() : known.includes(value) ? value : unknown();

export const isRow = (value: Value | undefined): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

/** Members named `…?` are optional. Unknown ones are ignored or not understood. */
export const record =
  (members: Members, rest: 'passed over' | 'strict' = 'passed over'): Check =>
  (value) => {
    if (!isRow(value)) return bad();
    if (rest === 'strict') for (const key of Object.keys(value)) if (!members[key] && !members[`${key}?`]) unknown();
    return Object.fromEntries(
      Object.entries(members).flatMap(([name, check]) => {
        const key = name.replace('?', '');
        return name.endsWith('?') && value[key] === undefined ? [] : [[key, check(value[key])]];
      }),
    );
  };
export const strict = (members: Members) => record(members, 'strict');
export const byType =
  (types: Readonly<Record<string, Members>>): Check =>
  (value) => {
    if (!isRow(value) || typeof value['type'] !== 'string') return bad();
    const members = types[value['type']];
    return members ? strict({ type: text(64), ...members })(value) : unknown();
  };

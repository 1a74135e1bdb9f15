import { z } from 'zod';

/** One setting of the program. Parser, `--help`, error messages and the tables of docs/OPERATING.md are read from it. */
export interface Setting {
  /** From the text of an environment variable; an unset one is undefined. */
  readonly schema: z.ZodType;
  /** Markdown, for the manual. Its first sentence is what `--help` says where there is no flag. */
  readonly meaning: string;
  /** What is shown as the default, where the schema's own value would not say it. Markdown. */
  readonly standard?: string;
  /** It may hold a password or a key, which no message repeats. */
  readonly secret?: true;
  readonly flag?: Flag;
}

export interface Flag {
  readonly name: string;
  /** How its argument is shown; a flag without one sets `value`. */
  readonly argument?: string;
  readonly value?: string;
  readonly help: string;
}

/** By the name of the environment variable. */
export type Settings = Readonly<Record<string, Setting>>;

/** What the settings come to. */
export type EnvOf<Table extends Settings> = z.output<
  z.ZodObject<{ -readonly [Name in keyof Table]: Table[Name]['schema'] }>
>;

/** The default of a setting in Markdown; a dash where nothing is set. */
export function standardOf({ schema, standard }: Setting): string {
  if (standard !== undefined) return standard;
  const { data } = schema.safeParse(undefined);
  const values = (Array.isArray(data) ? data : [data]).filter((value) => value !== undefined && value !== '');
  return values.map((value) => `\`${String(value)}\``).join(', ') || '—';
}

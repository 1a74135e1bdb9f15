import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';

/** Something the user asks again and again, kept on this device. */
export interface Prompt {
  readonly name: string;
  /** With fields such as `{{topic}}`, which are asked for when it is used. */
  readonly text: string;
}

export const promptsMax = 200;
export const promptNameMax = 60;
export const promptTextMax = 8_000;
/** Fields of one prompt that are asked for; what stands beyond stays as it is written. */
const fieldsMax = 20;

/** `{{topic}}`; of what other programs write behind a bar, such as `{{topic | textarea}}`, only the name counts. */
const field = /\{\{\s*([^{}|\s][^{}|]{0,59}?)\s*(?:\|[^{}]*)?\}\}/g;

/** Names of its fields, each once, in their order. */
export const fieldsOf = (text: string): readonly string[] =>
  [...new Set([...text.matchAll(field)].map(([, name]) => name!))].slice(0, fieldsMax);

/** The text with what was given for its fields; one that nothing was given for is left empty. */
export function fillPrompt(text: string, values: ReadonlyMap<string, string>): string {
  const known = new Set(fieldsOf(text));
  return text.replaceAll(field, (whole, name: string) => (known.has(name) ? (values.get(name) ?? '') : whole));
}

/** As it is kept: undefined where there is no name or no text. */
export function promptOf(name: string, text: string): Prompt | undefined {
  const called = name.replace(/\s+/g, ' ').trim().slice(0, promptNameMax).trim();
  const said = text.trim().slice(0, promptTextMax);
  return called === '' || said === '' ? undefined : { name: called, text: said };
}

/** Those whose name or text holds every word, those with the name first. @param query without words finds all. */
export function findPrompts(prompts: readonly Prompt[], query: string): readonly Prompt[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  const named = prompts.filter(({ name }) => holds(name));
  return [...named, ...prompts.filter((prompt) => !named.includes(prompt) && holds(`${prompt.name} ${prompt.text}`))];
}

export const promptsToJson = (prompts: readonly Prompt[]): string =>
  JSON.stringify({ tabloom: 'prompts', version: 1, prompts }, undefined, 1);

const ownSchema = z.object({
  tabloom: z.literal('prompts'),
  version: z.literal(1),
  prompts: z.array(z.object({ name: z.string(), text: z.string() })),
});

/** An export of Open WebUI: a list of these, with a title in older versions and a name in newer ones. */
const openWebUiSchema = z.object({
  command: z.string().nullish(),
  title: z.string().nullish(),
  name: z.string().nullish(),
  content: z.string(),
});

/** The prompts in a file: of this app, or of Open WebUI. @throws `prompts-unreadable`. */
export function readPrompts(text: string): readonly Prompt[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw unreadable();
  }
  const own = ownSchema.safeParse(data).data;
  const found = own
    ? own.prompts.flatMap((prompt) => promptOf(prompt.name, prompt.text) ?? [])
    : (Array.isArray(data) ? data : [data]).flatMap((item) => {
        const read = openWebUiSchema.safeParse(item).data;
        const name = read?.title || read?.name || read?.command?.replace(/^\//, '') || '';
        return (read && promptOf(name, read.content)) ?? [];
      });
  if (found.length === 0) throw unreadable();
  return found;
}

const unreadable = () =>
  new TabloomError(
    'prompts-unreadable',
    'This file holds no prompts. Choose a JSON export of prompts, of Tabloom or Open WebUI.',
  );

/**
 * Adds prompts to others; one of a name that is taken already takes its place.
 * @throws `too-many-prompts`, and adds nothing.
 */
export function withPrompts(prompts: readonly Prompt[], added: readonly Prompt[]): readonly Prompt[] {
  const byName = new Map([...prompts, ...added].map((prompt) => [prompt.name, prompt]));
  if (byName.size > promptsMax)
    throw new TabloomError('too-many-prompts', `At most ${promptsMax} prompts are kept. Delete some first.`);
  return [...byName.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}

import { z } from 'zod';
import { limits } from './limits.ts';

const wordForm = /^[a-z][a-z0-9-]*$/;

/**
 * Open words: vocabularies that grow without a new protocol version. A reader skips a model, frame or part with an
 * unknown word and keeps the rest; only words listed in `must` have to be understood.
 */
export const wordSchema = z
  .string()
  .max(limits.wordLengthMax)
  .regex(wordForm, 'a word is lower-case letters, digits and hyphens');

/** What the schema allows. */
export const isWord = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= limits.wordLengthMax && wordForm.test(value);

/** An open word, typed so that editors suggest the known ones. */
export type Word<Known extends string> = Known | (string & {});

/** Words a reader must understand in order to use the record at all. */
export const mustSchema = z.array(wordSchema).max(limits.mustWordsMax);

/** What this implementation understands beyond version 2 itself. */
const understood: ReadonlySet<string> = new Set<string>(['engines']);

/** The words of `must` that this version does not understand; empty if the record may be used. */
export const unknownMust = ({ must = [] }: { readonly must?: readonly string[] | undefined }): readonly string[] =>
  must.filter((word) => !understood.has(word));

/**
 * Control, format (including bidi and zero-width), surrogate, private-use and unassigned characters, and line breaks.
 */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;
/** Spaces (U+0020 is exempted below) and invisible characters (fillers, joiners, variation selectors). */
const blank = /[\p{Zs}\p{Default_Ignorable_Code_Point}\u2800]/u;
/** Of which nearly all names are, and of which the rule says no more than this. */
const asciiName = new RegExp(`^[!-~](?:[ -~]{0,${limits.nameLengthMax - 2}}[!-~])?$`);
/** A pictograph followed by the emoji variation selector, the only place one is allowed. */
const coloured = /\p{Extended_Pictographic}\uFE0F/gu;

/**
 * The rule for every name that people read and type: 1 to 128 UTF-16 code units, NFC, printable, without bidi controls
 * or zero-width characters, no space but U+0020 and none at either end.
 */
export function isPrintableName(name: string): boolean {
  if (asciiName.test(name)) return true;
  return (
    name.length >= 1 &&
    name.length <= limits.nameLengthMax &&
    name.isWellFormed() &&
    !unprintable.test(name) &&
    !blank.test(name.replace(coloured, '').replaceAll(' ', '')) &&
    name.trim() === name &&
    name.normalize('NFC') === name
  );
}

export const nameSchema = z
  .string()
  .refine(isPrintableName, 'a name is 1 to 128 printable characters in NFC, without leading or trailing spaces');

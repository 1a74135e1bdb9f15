import { z } from 'zod';
import { limits } from './limits.ts';

/**
 * Open words: lists that grow without a new version of the wire. A reader that does not know a word skips the model,
 * frame or part that bears it and keeps the rest; only what a record names in `must` has to be understood.
 */
export const wordSchema = z
  .string()
  .max(limits.wordLengthMax)
  .regex(/^[a-z][a-z0-9-]*$/, 'a word is lower-case letters, digits and hyphens');

/** An open word, spelled so that editors offer those known today. */
export type Word<Known extends string> = Known | (string & {});

/** Words that whoever reads the record has to know, or leave the record alone. */
export const mustSchema = z.array(wordSchema).max(limits.mustWordsMax);

/** What this implementation understands beyond version 2 itself. */
const understood: ReadonlySet<string> = new Set<string>();

/** The words of `must` that are not understood here; empty: the record may be read. */
export const unknownMust = ({ must = [] }: { readonly must?: readonly string[] | undefined }): readonly string[] =>
  must.filter((word) => !understood.has(word));

/** Control, format (bidi and zero-width among them), surrogate, private-use and unassigned characters, and line breaks. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;
/** Spaces that are not the space, and characters that show nothing (fillers, joiners, variation selectors). */
const blank = /[\p{Zs}\p{Default_Ignorable_Code_Point}\u2800]/u;
/** A pictograph asking to be drawn in colour: the one place where a variation selector is at home. */
const coloured = /\p{Extended_Pictographic}\uFE0F/gu;

/**
 * The one rule for names that people read and type: NFC, printable, without bidi controls and zero-width characters, no
 * space but U+0020 and none at either end, 1 to 128 UTF-16 code units.
 */
export function isPrintableName(name: string): boolean {
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
  .refine(isPrintableName, 'a name is 1 to 128 printable characters in NFC, without spaces at its ends');

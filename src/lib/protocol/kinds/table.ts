import { chat } from './chat.ts';
import { completion } from './completion.ts';
import { embedding } from './embedding.ts';
import { image } from './image.ts';
import { speech } from './speech.ts';
import { transcription } from './transcription.ts';
import type { JobKind } from './spec.ts';

/** The kinds of work that this version has a schema for; whether anybody does them is for offers to say. */
export const jobKinds = { chat, completion, embedding, speech, transcription, image } as const;

export type KindName = keyof typeof jobKinds;
export const kindNames = Object.keys(jobKinds) as readonly KindName[] as [KindName, ...KindName[]];

/** Kinds by their word. Passed in where jobs are read, so that a test, or an experiment, can bring one more. */
export type KindTable = Readonly<Record<string, JobKind>>;

/** The row, or undefined for a word that is not known here. */
export const kindOf = (kind: string, table: KindTable = jobKinds): JobKind | undefined =>
  Object.hasOwn(table, kind) ? table[kind] : undefined;

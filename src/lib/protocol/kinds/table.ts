import { chat } from './chat.ts';
import { completion } from './completion.ts';
import { embedding } from './embedding.ts';
import { image } from './image.ts';
import { speech } from './speech.ts';
import { transcription } from './transcription.ts';
import type { JobKind } from './spec.ts';

/** The kinds of work this version has schemas for. Which of them are served is announced in offers. */
export const jobKinds = { chat, completion, embedding, speech, transcription, image } as const;

export type KindName = keyof typeof jobKinds;
export const kindNames = Object.keys(jobKinds) as readonly KindName[] as [KindName, ...KindName[]];

/** Kinds by word. Passed as a parameter wherever jobs are parsed, so that a test or an experiment can add one. */
export type KindTable = Readonly<Record<string, JobKind>>;

/** The row, or undefined for an unknown kind. */
export const kindOf = (kind: string, table: KindTable = jobKinds): JobKind | undefined =>
  Object.hasOwn(table, kind) ? table[kind] : undefined;

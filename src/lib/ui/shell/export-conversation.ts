import { m } from '#messages';
import { toShareLink } from '#lib/state/share-link.ts';
import { toJson, toMarkdown, toTranscript } from '#lib/state/transcript.ts';
import type { Saved } from '#lib/state/transcript-spec.ts';

export type ExportFormat = 'markdown' | 'json' | 'link';

/** What an export does to the world outside. */
export interface ExportEffects {
  readonly origin: string;
  readonly copy: (text: string) => Promise<void>;
  readonly download: (name: string, type: string, text: string) => void;
}

/** Resolves to what to tell the user. @throws `link-too-long`, or what the clipboard throws. */
export async function exportConversation(
  saved: Saved,
  how: ExportFormat,
  { origin, copy, download }: ExportEffects,
): Promise<string> {
  const name = fileName(saved.record.title);
  if (how === 'link') {
    await copy(await toShareLink(toTranscript(saved, 'path'), origin));
    return m.history_link_copied();
  }
  if (how === 'markdown') download(`${name}.md`, 'text/markdown', toMarkdown(toTranscript(saved, 'path')));
  else download(`${name}.json`, 'application/json', toJson([toTranscript(saved, 'all')]));
  return m.history_exported({ title: saved.record.title });
}

/** A title as a file name of any system. */
export const fileName = (title: string): string =>
  title
    .replace(/[\p{C}\\/:*?"<>|.]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 60) || 'tabloom';

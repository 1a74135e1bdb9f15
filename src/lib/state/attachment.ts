import type { FittedMessages } from './fit-messages.ts';

/** A text or a picture given along with a question. Read on this device; what of it is sent is decided when the question is. */
export interface Attachment {
  readonly id: string;
  readonly name: string;
  /** Empty for a picture. */
  readonly text: string;
  /** Where each page of the text begins, in UTF-16 units; left out where it has none. */
  readonly pages?: readonly number[] | undefined;
  /** What those pages are; pages where it is left out. */
  readonly unit?: 'page' | 'sheet' | 'slide' | undefined;
  /** The name of each, as sheets have. */
  readonly titles?: readonly string[] | undefined;
  readonly picture?: Picture | undefined;
}

/** A picture as it is sent: scaled down and encoded anew, so that nothing but what is seen goes along. */
export interface Picture {
  readonly mime: 'image/jpeg';
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the bytes, in hexadecimal. */
  readonly sha256: string;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

/** An attachment of a question that was asked. */
export interface SentAttachment extends Attachment {
  /** How many of its passages went to the model; left out if all of it did. */
  readonly passages?: { readonly sent: number; readonly of: number } | undefined;
  /** It was found among the documents kept on this device; left out where it was attached. Its text is what was found. */
  readonly from?: 'shelf' | undefined;
}

export const attachmentsMax = 8;
/** Characters of one attachment; longer files are refused, not cut. */
export const attachmentLengthMax = 2_000_000;
/** A pasted text longer than this becomes an attachment. */
export const pasteLengthMax = 4_000;
/** Characters of one message, so that it fits the wire in any script (`limits.messageTextBytesMax`). */
const messageLengthMax = 60_000;
const passageLengthMax = 800;
const passageLengthMin = 120;
/** As `estimateTokens(…, 'high')` counts them. */
const charactersPerToken = 3;

/** Orders passages by how well they match a question, best first: their indexes. Passages that do not match are left out. */
export type RankPassages = (question: string, passages: readonly string[]) => Promise<readonly number[]>;

/**
 * Characters of attachments that a model with this context can read beside the question and its answer; the conversation so
 * far gives way to them.
 */
export function attachmentRoom(
  question: string,
  contextTokens: number,
  maxTokens: FittedMessages['maxTokens'],
): number {
  const tokens = contextTokens - maxTokens - 64;
  return Math.max(0, Math.min(tokens * charactersPerToken, messageLengthMax) - question.length);
}

/** Characters that these take of the room when they are sent whole. */
export const lengthOf = (attachments: readonly Attachment[]): number =>
  textsOf(attachments).reduce((sum, attachment) => sum + frame(attachment.name, wholeText(attachment)).length, 0);

const textsOf = (attachments: readonly Attachment[]) => attachments.filter(({ picture }) => !picture);

const unitNames = { page: 'Page', sheet: 'Sheet', slide: 'Slide' } as const;

/** The pages of a text, each with what it is called; one without a name where it has none. */
function pagesOf(attachment: Attachment): readonly { readonly page?: string; readonly text: string }[] {
  const { text, pages, unit = 'page', titles } = attachment;
  if (!pages || pages.length === 0) return [{ text }];
  return pages.map((from, index) => {
    const title = titles?.[index];
    const page = `${unitNames[unit]} ${index + 1}${title ? `: ${title}` : ''}`;
    return { page, text: text.slice(from, pages[index + 1]) };
  });
}

const named = (page: string | undefined, text: string): string => (page === undefined ? text : `[${page}]\n${text}`);

const wholeText = (attachment: Attachment): string =>
  pagesOf(attachment)
    .map(({ page, text }) => named(page, text))
    .join('');

/** Without what was found out when it was sent before. */
export const asGiven = ({ id, name, text, pages, unit, titles, picture }: Attachment): Attachment => ({
  id,
  name,
  text,
  pages,
  unit,
  titles,
  picture,
});

/** What was attached, and not found by a search. */
export const attachedOf = (attachments: readonly SentAttachment[]): readonly Attachment[] =>
  attachments.filter(({ from }) => from === undefined).map(asGiven);

/** Whether all of the attachments can be sent. */
export const attachmentsFit = (attachments: readonly Attachment[], room: number): boolean =>
  lengthOf(attachments) <= room;

/**
 * The question as the model gets it: the attachments first, then the question. Where they do not fit, the passages that match
 * the question best, in the order of the text, and a word to the model that there are more.
 */
export async function promptWith(
  question: string,
  attachments: readonly Attachment[],
  room: number,
  rank: RankPassages,
): Promise<{ readonly prompt: string; readonly attachments: readonly SentAttachment[] }> {
  const texts = textsOf(attachments);
  if (attachmentsFit(texts, room)) {
    const prompt = [...texts.map((one) => frame(one.name, wholeText(one))), question].join('\n\n');
    return {
      prompt,
      attachments: attachments.map(asGiven),
    };
  }
  // A small model gets several short passages rather than one that may be the wrong one, or none.
  const length = Math.max(passageLengthMin, Math.min(passageLengthMax, Math.floor(room / 8)));
  const passages = texts.flatMap((attachment, of) =>
    pagesOf(attachment).flatMap(({ page, text }) =>
      splitPassages(text, length).map((passage) => ({ of, passage: named(page, passage) })),
    ),
  );
  const chosen = new Set<number>();
  let left = room - texts.reduce((sum, { name }) => sum + frame(name, '', 'passages').length + 2, 0);
  const ranked = await rank(
    question,
    passages.map(({ passage }) => passage),
  );
  // Those that do not match at all follow in their order: the beginning of a text says what it is.
  for (const index of [...ranked, ...passages.keys()]) {
    const cost = passages[index]!.passage.length + gap.length;
    if (chosen.has(index) || cost > left) continue;
    chosen.add(index);
    left -= cost;
  }
  const parts = texts.map((attachment, at) => {
    const own = [...passages.entries()].filter(([, { of }]) => of === at);
    const mine = own.filter(([index]) => chosen.has(index)).map(([, { passage }]) => passage);
    const counted: SentAttachment = { ...attachment, passages: { sent: mine.length, of: own.length } };
    return { counted, text: frame(attachment.name, mine.join(gap), 'passages') };
  });
  const counted = new Map(parts.map((part) => [part.counted.id, part.counted]));
  return {
    prompt: [...parts.map(({ text }) => text), question].join('\n\n'),
    attachments: attachments.map((one) => counted.get(one.id) ?? one),
  };
}

/** Pieces of a text as they are searched, each with what its page is called. */
export const passagesOf = (attachment: Attachment): readonly string[] =>
  pagesOf(attachment).flatMap(({ page, text }) => splitPassages(text).map((passage) => named(page, passage)));

/** The question with what was found for it before all else. */
export const withFound = (found: readonly SentAttachment[], prompt: string): string =>
  [...found.map(({ name, text }) => frame(name, text, 'passages')), prompt].join('\n\n');

/** Between passages that may not be neighbours. */
const gap = '\n[…]\n';

const frame = (name: string, text: string, what: 'file' | 'passages' = 'file'): string =>
  `[${what === 'file' ? 'File' : 'Passages of the file'} ${name}]\n${text}\n[End of ${name}]`;

/** Cuts a text at paragraphs, else lines, else anywhere, into passages of some hundred characters. Joined, they are the text. */
export function splitPassages(text: string, passageLength = passageLengthMax): readonly string[] {
  const passages: string[] = [];
  let from = 0;
  while (text.length - from > passageLength) {
    const piece = text.slice(from, from + passageLength);
    const at = ['\n\n', '\n', '. ', ' ']
      .map((end) => ({ end, at: piece.lastIndexOf(end) }))
      .find((cut) => cut.at > passageLength / 3);
    const to = from + (at ? at.at + at.end.length : passageLength);
    passages.push(text.slice(from, to));
    from = to;
  }
  if (from < text.length) passages.push(text.slice(from));
  return passages;
}

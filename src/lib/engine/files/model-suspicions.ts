import type { ModelFile } from './model-file.ts';

/** What makes a person look at a file before it is listed. None of it is run or fetched here. */
export interface Suspicion {
  readonly code:
    'template-names-address' | 'template-reaches-out' | 'template-too-long' | 'text-names-address' | 'hidden-text';
  /** The place, shortened. */
  readonly found: string;
}

const templateMax = 64 * 1024;
const foundMax = 16;
/** A vocabulary has words like "http" and whole addresses of well-known sites; a note has a home page. */
const knownHosts =
  /^(?:www\.)?(?:huggingface\.co|github\.com|arxiv\.org|apache\.org|opensource\.org|w3\.org|example\.(?:com|org))$/i;

const address =
  /\b(?:https?|wss?|ftp|file|data|javascript):\/{0,2}([a-z0-9.-]+\.[a-z]{2,}|\d{1,3}(?:\.\d{1,3}){3}|localhost)/gi;
/** Words by which a Jinja template leaves its own variables: files, attributes of Python objects, other templates. */
const reaching =
  /__\w+__|\{%-?\s*(?:include|import|extends|from)\b|\b(?:cycler|joiner|namespace\.__|lipsum|os\.|subprocess|eval|exec|open)\s*[.(]/g;
/** Characters that show nothing and can say anything: overrides of direction, tags, zero-width joins in a row. */
const hidden = /[\u202a-\u202e\u2066-\u2069]|[\u{e0000}-\u{e007f}]|[\u200b-\u200f\u2060]{3,}/u;

/** Looks for addresses, ways out of a template, and hidden characters; at most a few of each are named. */
export function suspicionsOf({ template, texts }: Pick<ModelFile, 'template' | 'texts'>): readonly Suspicion[] {
  const found: Suspicion[] = [];
  const note = (code: Suspicion['code'], text: string) => {
    if (found.filter((one) => one.code === code).length < foundMax) found.push({ code, found: text.slice(0, 80) });
  };
  if (template !== undefined) {
    if (template.length > templateMax) note('template-too-long', `${template.length} characters`);
    for (const [whole] of template.matchAll(address)) note('template-names-address', whole);
    for (const [whole] of template.matchAll(reaching)) note('template-reaches-out', whole);
    if (hidden.test(template)) note('hidden-text', 'in the template');
  }
  for (const text of texts) {
    for (const [whole, host = ''] of text.matchAll(address))
      if (!knownHosts.test(host)) note('text-names-address', whole);
  }
  return found;
}

/** Whether an answer is no answer: nothing, one thing over and over, or mostly what cannot be read. */
export function isNonsense(answer: string): boolean {
  const words = answer.trim().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const isRepeating = words.length >= 12 && Math.max(...counts.values()) > words.length / 2;
  const readable = [...answer].filter((character) => /[\p{L}\p{N}\p{P}\p{Zs}\p{S}\n]/u.test(character)).length;
  return isRepeating || readable < [...answer].length * 0.8;
}

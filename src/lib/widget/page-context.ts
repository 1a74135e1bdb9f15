/** Characters of the page that go with a question. */
export const contextLengthMax = 6_000;

/** What is needed of a document. */
export interface PageSource {
  readonly title: string;
  querySelectorAll(selector: string): Iterable<{ readonly innerText?: string; readonly textContent: string | null }>;
}

/**
 * The text of what the site has named, for questions about the page. As it is seen: what is hidden by CSS is left out.
 * Undefined where nothing matches, or the selector is none.
 */
export function readPageContext(page: PageSource, selector: string | undefined): string | undefined {
  if (selector === undefined) return undefined;
  let text = '';
  try {
    for (const element of page.querySelectorAll(selector)) {
      const more = (element.innerText ?? element.textContent ?? '')
        .replace(/[ \t]+/g, ' ')
        .replace(/\n{3,}/g, '\n\n')
        .trim();
      if (more !== '') text += `${text === '' ? '' : '\n\n'}${more}`;
      if (text.length > contextLengthMax) break;
    }
  } catch {
    return undefined;
  }
  if (text === '') return undefined;
  const shown = text.length > contextLengthMax ? `${text.slice(0, contextLengthMax)} […]` : text;
  return `Title: ${page.title.slice(0, 200)}\n\n${shown}`;
}

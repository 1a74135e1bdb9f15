/** How a table says that a series convicts nobody. */
export const notFound = 'not found';

/** What docs/VERIFICATION.md says of one of them. */
export interface PublishedSeries {
  /** Audited tokens within which its series convicts by the shipped row; undefined where it does not. */
  readonly within: number | undefined;
  readonly answers: number;
  readonly failed: number;
  readonly doubted: number;
}

/** @param title how its row begins. @throws where there is none. */
export function publishedSeries(document: string, title: string): PublishedSeries {
  const section = document.slice(document.indexOf('<!-- series -->'), document.indexOf('<!-- /series -->'));
  const cells = section
    .split('\n')
    .find((line) => line.startsWith(`| ${title}`))
    ?.split('|')
    .map((cell) => cell.trim());
  const [failed, answers] = cells?.[9]?.split(' of ').map(Number) ?? [];
  const doubted = Number(cells?.[10]?.split(' of ')[0]);
  if (failed === undefined || answers === undefined || !Number.isSafeInteger(doubted))
    throw new Error(`docs/VERIFICATION.md has no series of "${title}".`);
  const within = cells![8] === notFound ? undefined : Number(cells![8]);
  return { within, answers, failed, doubted };
}

import { readFileSync } from 'node:fs';
import { publishedSeries, type PublishedSeries } from './published-series.ts';

const read = () => readFileSync(new URL('../../docs/VERIFICATION.md', import.meta.url), 'utf8');

/**
 * Of audits by published margins: the tokens within which 97 of a hundred orders of a cheat's answers convict it, by docs/VERIFICATION.md.
 * @param row how its row begins. @throws where it is not there, or the cheat is not found.
 */
export function heldTokens(row: string, document = read()): number {
  const section = document.slice(document.indexOf('<!-- calibrated -->'), document.indexOf('<!-- /calibrated -->'));
  const line = section.split('\n').find((one) => one.startsWith(`| ${row}`));
  const most = /\((?:> )?\d+ to (\d+)\)/.exec(line?.split('|')[2] ?? '')?.[1];
  if (most === undefined)
    throw new Error(`docs/VERIFICATION.md does not say within how many tokens "${row}" is found.`);
  return Number(most);
}

export const heldSeries = (title: string, document = read()): PublishedSeries => publishedSeries(document, title);

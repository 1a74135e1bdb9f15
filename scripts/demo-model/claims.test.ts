import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { claims, missing, talk } from './claims.ts';

const root = new URL('../../', import.meta.url);
const corpus = new URL('corpus/', import.meta.url);
const read = (file: URL) => readFileSync(file, 'utf8');

/** Every line the model may answer with, by intent: `=` and what follows "tell me more", `+`. */
const said = readdirSync(fileURLToPath(corpus))
  .filter((name) => name.endsWith('.txt') && name !== 'slots.txt')
  .flatMap((name) => {
    let intent = '';
    return read(new URL(name, corpus))
      .split('\n')
      .flatMap((line) => {
        if (line.startsWith('## ')) intent = line.slice(3).trim();
        return /^[=+] /.test(line) ? [{ intent, text: line.slice(2) }] : [];
      });
  });
const of = (intent: string) => said.filter((one) => one.intent === intent);

test('every line about the product rests on a claim', () => {
  const without = said.filter(
    ({ intent, text }) =>
      !talk.has(intent) && !missing.has(intent) && !claims[intent]?.some(({ says }) => says.test(text)),
  );
  expect(without).toEqual([]);
});

test('every claim is said, and what it rests on is there', () => {
  for (const [intent, listed] of Object.entries(claims)) {
    for (const { says, file, has } of listed) {
      expect(
        of(intent).some(({ text }) => says.test(text)),
        `${intent} says ${says}`,
      ).toBe(true);
      const place = new URL(file.split('/').map(encodeURIComponent).join('/'), root);
      expect(existsSync(place), file).toBe(true);
      expect(read(place).includes(has), `${has} in ${file}, which ${intent} speaks of`).toBe(true);
    }
  }
});

test('tiers that are not there are said not to be there', () => {
  for (const intent of missing) {
    expect(of(intent)[0]?.text).toMatch(/not (here|built) yet/);
    expect(of(intent)[1]?.text).toMatch(/not (here|built) yet/);
  }
  for (const { intent, text } of said) {
    if (/\bconfidential tier\b/.test(text)) expect(text, intent).toMatch(/not (here|built)|never be/);
  }
});

test('nothing is called a credit, which there is none of for sharing', () => {
  expect(said.filter(({ text }) => /\bcredit/.test(text))).toEqual([]);
});

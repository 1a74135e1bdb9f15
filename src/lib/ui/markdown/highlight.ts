import { createHighlighterCore, type HighlighterCore, type LanguageInput, type ThemedToken } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';
import dark from 'shiki/themes/github-dark-high-contrast.mjs';
import light from 'shiki/themes/github-light-high-contrast.mjs';

/** A code token with its colours for both themes. */
export interface CodeToken {
  readonly text: string;
  readonly light: string | undefined;
  readonly dark: string | undefined;
}

/** Longer code stays plain: highlighting it would block the page. */
const charactersMax = 20_000;

const languages: Readonly<Record<string, () => Promise<{ readonly default: LanguageInput }>>> = {
  bash: () => import('shiki/langs/bash.mjs'),
  c: () => import('shiki/langs/c.mjs'),
  css: () => import('shiki/langs/css.mjs'),
  go: () => import('shiki/langs/go.mjs'),
  html: () => import('shiki/langs/html.mjs'),
  java: () => import('shiki/langs/java.mjs'),
  javascript: () => import('shiki/langs/javascript.mjs'),
  json: () => import('shiki/langs/json.mjs'),
  python: () => import('shiki/langs/python.mjs'),
  rust: () => import('shiki/langs/rust.mjs'),
  sql: () => import('shiki/langs/sql.mjs'),
  typescript: () => import('shiki/langs/typescript.mjs'),
  yaml: () => import('shiki/langs/yaml.mjs'),
};

const aliases: Readonly<Record<string, string>> = {
  sh: 'bash',
  shell: 'bash',
  js: 'javascript',
  py: 'python',
  rs: 'rust',
  ts: 'typescript',
  yml: 'yaml',
};

let highlighter: Promise<HighlighterCore> | undefined;

/** Lines of tokens, or undefined for an unknown language. Languages are loaded on first use. */
export async function highlight(code: string, name: string): Promise<readonly (readonly CodeToken[])[] | undefined> {
  const lower = name.toLowerCase();
  const lang = aliases[lower] ?? lower;
  const load = Object.hasOwn(languages, lang) ? languages[lang] : undefined;
  if (!load || code.length > charactersMax) return undefined;
  highlighter ??= createHighlighterCore({ themes: [light, dark], langs: [], engine: createJavaScriptRegexEngine() });
  const [core, language] = await Promise.all([highlighter, load()]);
  await core.loadLanguage(language.default);
  const { tokens } = core.codeToTokens(code, {
    lang,
    themes: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    defaultColor: false,
  });
  return tokens.map((line) => line.map(toToken));
}

function toToken({ content, htmlStyle }: ThemedToken): CodeToken {
  return { text: content, light: htmlStyle?.['--shiki-light'], dark: htmlStyle?.['--shiki-dark'] };
}

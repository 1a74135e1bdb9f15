import { frameAddress } from './frame-panel.ts';
import { attributeNames, readOptions, type AttributeName } from './options.ts';

export type SnippetForm = 'script' | 'element' | 'frame';
export type Settings = Readonly<Partial<Record<AttributeName, string>>>;

/** What to copy into a page. */
export function writeSnippet(form: SnippetForm, relay: string, settings: Settings): string {
  const script = `<script src="${escape(relay)}/widget.js"`;
  if (form === 'script') return `${script} async${attributes(settings, 'data-')}></script>`;
  if (form === 'element') {
    const { key, ...others } = settings;
    const named = { ...(key === undefined ? {} : { 'api-key': key }), shape: 'inline', ...others };
    return `${script} data-mount="none" async></script>\n<tabloom-chat${attributes(named, '')}></tabloom-chat>`;
  }
  const options = readOptions((name) => settings[name] ?? null, { base: relay, relay });
  const source = new URL(frameAddress(relay, options));
  if (options.heading !== undefined) source.searchParams.set('heading', options.heading);
  return `<iframe src="${escape(source.href)}" title="${escape(options.heading ?? 'Chat')}" width="384" height="600" style="border: 0"></iframe>`;
}

/** The lines that a page with a content security policy needs. */
export const policyLines = (form: SnippetForm, relay: string): string =>
  form === 'frame' ? `frame-src ${relay}` : `script-src ${relay}; connect-src ${relay}`;

/** The command that makes a key for a site. */
export const keyCommand = (form: SnippetForm, relay: string): string =>
  `tabloom keys create --publishable --origins https://your-site.example${form === 'frame' ? `,${relay}` : ''} --requests-per-day 500`;

function attributes(settings: Settings, prefix: string): string {
  return attributeNames
    .filter((name) => settings[name]?.trim())
    .map((name) => `\n  ${prefix}${name}="${escape(settings[name]!.trim())}"`)
    .join('');
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

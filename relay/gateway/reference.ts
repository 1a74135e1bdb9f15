import { createHash } from 'node:crypto';
import type { Handler } from 'hono';
import type { JsonSchema, OpenApiDocument, Operation } from './openapi.ts';

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 48rem; margin: 3rem auto; padding: 0 1rem; }
  code { font: 0.875em/1.4 ui-monospace, monospace; }
  h2 { margin-top: 3rem; font-size: 1.125rem; }
  table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
  td, th { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; border-top: 1px solid #8884; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');

/** `GET /v1/reference`: the OpenAPI document as a page, without scripts. */
export function showReference(document: () => OpenApiDocument): Handler {
  return (context) => {
    context.header('content-security-policy', `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'`);
    return context.html(writePage(document()));
  };
}

function writePage({ info, paths }: OpenApiDocument): string {
  const sections = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => writeOperation(method, path, operation)),
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(info.title)}</title>
<style>${style}</style>
<h1>${escape(info.title)}</h1>
<p>${escape(info.description)} As a document for tools: <a href="openapi.json">openapi.json</a>.</p>
${sections.join('\n')}
</html>
`;
}

function writeOperation(method: string, path: string, { summary, requestBody }: Operation): string {
  const schema = requestBody?.content['application/json']?.schema;
  const head = `<h2><code>${method.toUpperCase()} ${escape(path)}</code></h2>\n<p>${escape(summary)}</p>`;
  if (!schema) return head;
  const required = new Set(schema['required'] as readonly string[] | undefined);
  const rows = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>).map(
    ([name, member]) => {
      const values = describe(member) + (required.has(name) ? ', required' : '');
      return `<tr><td><code>${escape(name)}</code></td><td>${escape(values)}</td></tr>`;
    },
  );
  return `${head}\n<table>\n<tr><th>Member</th><th>Value</th></tr>\n${rows.join('\n')}\n</table>`;
}

/** The values of a member in a few words: types, constants and bounds. `null` always means the default. */
function describe(schema: JsonSchema): string {
  const { type, enum: words, const: only, anyOf, oneOf, items } = schema;
  const among = (anyOf ?? oneOf) as readonly JsonSchema[] | undefined;
  if (among) {
    const kinds = among.filter((one) => one['type'] !== 'null').map(describe);
    return [...new Set(kinds)].join(' or ');
  }
  if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(', ');
  if (only !== undefined) return JSON.stringify(only);
  if (type === 'array') return `list of ${describe((items ?? {}) as JsonSchema)}`;
  return typeof type === 'string' ? `${type}${bounds(schema)}` : 'any value';
}

/** Bounds of a number, unless they are only those that JavaScript sets. */
function bounds({ minimum, maximum }: JsonSchema): string {
  const isMeant = (bound: unknown) => typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (!isMeant(minimum)) return '';
  return isMeant(maximum) ? ` from ${String(minimum)} to ${String(maximum)}` : ` from ${String(minimum)}`;
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

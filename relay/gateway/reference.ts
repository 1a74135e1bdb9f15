import { createHash } from 'node:crypto';
import type { Handler } from 'hono';
import type { JsonSchema, OpenApiDocument, Operation } from './openapi.ts';

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 48rem; margin: 3rem auto; padding: 0 1rem; }
  code { font: 0.875em/1.4 ui-monospace, monospace; }
  h2 { margin-top: 3rem; font-size: 1.125rem; }
  h3 { font-size: 1rem; }
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
<p>Keys with limits: a wallet makes its own on <a href="/keys">the page for keys</a>, the operator with <code>keys create</code>.</p>
${sections.join('\n')}
</html>
`;
}

function writeOperation(method: string, path: string, operation: Operation): string {
  const { summary, parameters = [], requestBody, responses, security } = operation;
  const head = `<h2><code>${method.toUpperCase()} ${escape(path)}</code></h2>\n<p>${escape(summary)}</p>`;
  const session = security?.some((one) => 'session' in one) ? '<p>Needs the token of a session.</p>' : '';
  const query = parameters.filter((one) => one.in === 'query').map(({ name, schema }) => writeRow(name, schema, false));
  const answers = Object.entries(responses)
    .filter(([status]) => status !== 'default')
    .map(([status, { description, content = {} }]) => {
      const bodies = Object.entries(content).map(([type, { schema }]) => writeBody(type, schema));
      return `<h3>${status}</h3>\n<p>${escape(description)}</p>\n${bodies.join('\n')}`;
    });
  const request = requestBody?.content['application/json']?.schema;
  return [
    head,
    session,
    query.length === 0 ? '' : writeTable('Query', query),
    request ? writeTable('Member', rowsOf(request)) : '',
    ...answers,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function writeBody(type: string, schema: JsonSchema): string {
  // Of an event that may be an error, the first form is the answer's.
  const [shown = schema] = (schema['anyOf'] ?? []) as readonly JsonSchema[];
  const rows = rowsOf(shown);
  const name = `<p><code>${escape(type)}</code></p>`;
  return rows.length === 0 ? name : `${name}\n${writeTable('Member', rows)}`;
}

const writeTable = (title: string, rows: readonly string[]): string =>
  `<table>\n<tr><th>${title}</th><th>Value</th></tr>\n${rows.join('\n')}\n</table>`;

const membersOf = (schema: JsonSchema): readonly (readonly [string, JsonSchema, boolean])[] => {
  const required = new Set(schema['required'] as readonly string[] | undefined);
  const members = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  return Object.entries(members).map(([name, member]) => [name, member, required.has(name)]);
};

/** The members of a body, those of its objects and lists one level down included. */
const rowsOf = (schema: JsonSchema): readonly string[] =>
  membersOf(schema).flatMap(([name, member, isRequired]) => {
    const { items, anyOf = [] } = member as { readonly items?: JsonSchema; readonly anyOf?: readonly JsonSchema[] };
    const inner = [member, items, ...anyOf].find((one) => one !== undefined && 'properties' in one);
    const prefix = inner === items ? `${name}[].` : `${name}.`;
    const below = inner ? membersOf(inner).map(([below, one]) => writeRow(prefix + below, one, false)) : [];
    return [writeRow(name, member, isRequired), ...below];
  });

const writeRow = (name: string, schema: JsonSchema, isRequired: boolean): string => {
  const values = describe(schema) + (isRequired ? ', required' : '');
  return `<tr><td><code>${escape(name)}</code></td><td>${escape(values)}</td></tr>`;
};

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
  const types = [type].flat().filter((one) => one !== undefined && one !== 'null');
  return types.length > 0 ? `${types.join(' or ')}${bounds(schema)}` : 'any value';
}

/** Bounds of a number, unless they are only those that JavaScript sets. */
function bounds({ minimum, maximum }: JsonSchema): string {
  const isMeant = (bound: unknown) => typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (!isMeant(minimum)) return '';
  return isMeant(maximum) ? ` from ${String(minimum)} to ${String(maximum)}` : ` from ${String(minimum)}`;
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

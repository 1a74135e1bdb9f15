import type { z } from 'zod';
import { wireError } from './errors.ts';

/**
 * Holds the input or the params of a job to the schema of its kind. What is asked for is understood as a whole or not at
 * all: a member, or a type of content, that is passed over would be another job, answered without a word.
 * @throws `version` where a member or a word stands that is not known here; `malformed` for everything else.
 */
export function understand(
  member: string,
  schema: z.ZodType,
  raw: unknown,
  malformed: 'bad-frame' | 'bad-request' = 'bad-frame',
): unknown {
  // To the schema library bytes are an object, and an object of no members fits where all may be absent.
  const parsed = schema.safeParse(isBytes(raw) ? null : raw);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap((issue) => leavesOf(issue));
  const unknown = issues.map((issue) => unknownIn(issue, raw)).find((path) => path !== undefined);
  const said = (path: Path) => [member, ...path].join('.');
  if (unknown) throw wireError('version', `This peer does not understand "${said(unknown)}". Ask another one.`);
  // Of several forms that a value may have, the one that fits furthest says best what is wrong.
  const { path, message } = issues.reduce((best, issue) => (issue.path.length > best.path.length ? issue : best));
  throw wireError(malformed, `The job does not fit its schema at "${said(path)}": ${message}.`);
}

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/** The issues below a union's own, each with its whole path. */
function leavesOf(issue: Issue, above: Path = []): readonly Issue[] {
  const path = [...above, ...issue.path];
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ ...issue, path }];
  return issue.errors.flat().flatMap((inner) => leavesOf(inner, path));
}

/** Where something stands that a newer version may know; undefined: it is simply wrong. */
function unknownIn(issue: Issue, raw: unknown): Path | undefined {
  if (issue.code === 'unrecognized_keys') {
    return isBytes(valueAt(raw, issue.path)) ? undefined : [...issue.path, issue.keys[0] ?? ''];
  }
  const closed = issue.code === 'invalid_union' || issue.code === 'invalid_value';
  return closed && typeof valueAt(raw, issue.path) === 'string' ? issue.path : undefined;
}

const isBytes = (value: unknown): boolean => value instanceof Uint8Array;

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : at),
    value,
  );

import type { z } from 'zod';
import { wireError } from './errors.ts';

/**
 * Validates a job's `input` or `params` against its kind's schema. A job is understood completely or refused: ignoring
 * a member or a content type would silently answer a different request.
 * @param plain reads by hand what it can, as the schema would.
 * @throws `version` for a member or word this version does not know; `malformed` for everything else.
 */
export function understand(
  member: string,
  schema: z.ZodType,
  raw: unknown,
  malformed: 'bad-frame' | 'bad-request' = 'bad-frame',
  plain?: (raw: unknown) => unknown,
): unknown {
  const known = plain?.(raw);
  if (known !== undefined) return known;
  // zod treats a Uint8Array as an object, and an object without known members fits a schema whose members are all
  // optional.
  const parsed = schema.safeParse(isBytes(raw) ? null : raw);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap((issue) => leavesOf(issue));
  const unknown = issues.map((issue) => unknownIn(issue, raw)).find((path) => path !== undefined);
  const dotted = (path: Path) => [member, ...path].join('.');
  if (unknown) throw wireError('version', `This peer does not understand "${dotted(unknown)}". Ask another one.`);
  // Of a union's alternatives, the one that matched deepest explains the problem best.
  const { path, message } = issues.reduce((best, issue) => (issue.path.length > best.path.length ? issue : best));
  throw wireError(malformed, `The job does not match its schema at "${dotted(path)}": ${message}.`);
}

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/** The issues inside a union's alternatives, each with its full path. */
function leavesOf(issue: Issue, above: Path = []): readonly Issue[] {
  const path = [...above, ...issue.path];
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ ...issue, path }];
  return issue.errors.flat().flatMap((inner) => leavesOf(inner, path));
}

/** The path of something a newer version may define; undefined if the value is simply malformed. */
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

import type { z } from 'zod';
import { badRequest } from './errors.ts';

/**
 * A request or a member of it, held to its schema. OpenAI writes paths with dots and puts the first wrong member into
 * `param`. Messages of our schemas follow the member's name ("must be …"); others are put behind a colon.
 * @throws `bad-request` with `param`.
 */
export function parseMember<S extends z.ZodType>(schema: S, value: unknown, prefix?: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const param = [prefix, ...issue.path].filter((step) => step !== undefined).join('.') || 'body';
  const says = issue.message.startsWith('must ') ? issue.message : `is not valid: ${issue.message}`;
  throw badRequest(`"${param}" ${says}.`, param);
}

import { z } from 'zod';
import type { Settings } from './setting.ts';
import { path } from './values.ts';

/** What `verify` is given. */
export const verifySettings = {
  VERIFY_RECEIPT: {
    schema: path.optional(),
    standard: 'standard input',
    meaning: 'A file with a receipt, a list of them, or a whole answer of the API, as JSON.',
    flag: { name: 'receipt', argument: 'file', help: 'a receipt, or an answer of the API, as JSON' },
  },
  VERIFY_PROMPT: {
    schema: path.optional(),
    meaning: "A file with the request's body as JSON, or the text of one question. It is checked with its salt.",
    flag: { name: 'prompt', argument: 'file', help: "the request's body, or the text of one question" },
  },
  VERIFY_SALT: {
    schema: z
      .string()
      .regex(/^[0-9a-f]{32}$/, 'is 32 hexadecimal digits, such as tabloom.salt of an answer')
      .optional(),
    meaning:
      'The salt of the prompt, 32 hexadecimal digits: `tabloom.salt` of the answer, where the file does not have it.',
    flag: { name: 'salt', argument: 'hex', help: 'tabloom.salt of the answer, where the file has none' },
  },
  VERIFY_ANSWER: {
    schema: path.optional(),
    meaning: 'A file with the text of the answer, where the file with the receipt does not have it.',
    flag: { name: 'answer', argument: 'file', help: 'the text of the answer' },
  },
} as const satisfies Settings;

import { z } from 'zod';
import { dataSettings } from './process.ts';
import type { Settings } from './setting.ts';
import { decimal, path } from './values.ts';

/** What `check-model` is given. */
export const checkModelSettings = {
  CHECK_FILE: {
    schema: path.optional(),
    meaning: 'The file of weights: GGUF or safetensors.',
    flag: { name: 'file', argument: 'file', help: 'the file of weights' },
  },
  CHECK_NAME: {
    schema: z.string().min(1).max(128).optional(),
    standard: "the file's",
    meaning: 'The name that the listing gives the model.',
    flag: { name: 'name', argument: 'name', help: 'the name in the listing' },
  },
  CHECK_LICENCE: {
    schema: z.string().min(1).max(64).optional(),
    standard: 'what the file says',
    meaning: 'Its licence, as an SPDX identifier. Without one, here or in the file, the check fails.',
    flag: { name: 'licence', argument: 'id', help: 'its licence, where the file does not say it' },
  },
  CHECK_PROMPTS: {
    schema: path.optional(),
    meaning:
      'A file with questions, as a JSON list of `{ "ask", "expect" }`: each answer must hold one of the texts in `expect`. With `"refuse": true` it must not. For GGUF files.',
    flag: { name: 'prompts', argument: 'file', help: 'questions that it is asked, as JSON' },
  },
  CHECK_LISTING: {
    schema: path.optional(),
    meaning: 'Where to write the signed listing; signed by the key in `DATA_DIR`.',
    flag: { name: 'listing', argument: 'file', help: 'write a signed listing there, where nothing failed' },
  },
  CHECK_DAYS: {
    schema: decimal.pipe(z.number().int().min(1).max(180)).default(90),
    meaning: 'For how many days the listing holds.',
    flag: { name: 'days', argument: 'days', help: 'for how long the listing holds' },
  },
  ...dataSettings('data'),
} as const satisfies Settings;

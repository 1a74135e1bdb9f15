import { z } from 'zod';
import type { Settings } from './setting.ts';

/** What `init` asks for besides the settings that it writes down. */
export const initSettings = {
  INIT_ROLE: {
    schema: z.enum(['relay', 'provide']).optional(),
    meaning: 'What the machine shall be: `relay` or `provide`.',
    flag: { name: 'role', argument: 'name', help: 'relay, or provide' },
  },
} as const satisfies Settings;

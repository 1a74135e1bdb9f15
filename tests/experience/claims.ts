import { chat } from './chat.ts';
import type { Claim } from './claim.ts';
import { complaints } from './complaints.ts';
import { faults } from './faults.ts';
import { appAndWidget, sharingAndNetwork } from './rest.ts';

/** What is promised of the pages and the widget, in the order in which it is printed. */
export const claims: readonly Claim[] = [...complaints, ...faults, ...chat, ...sharingAndNetwork, ...appAndWidget];

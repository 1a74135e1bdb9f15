import { m } from '#messages';
import type { Preset } from '#lib/state/settings.ts';

/** Those that everybody has, before the user's own. */
export const presets = (): readonly Preset[] => [
  { name: m.preset_concise(), options: { system: m.preset_concise_system(), temperature: 0.3 } },
  { name: m.preset_translate(), options: { system: m.preset_translate_system(), temperature: 0 } },
  { name: m.preset_review(), options: { system: m.preset_review_system(), temperature: 0.2 } },
  { name: m.preset_teach(), options: { system: m.preset_teach_system() } },
];

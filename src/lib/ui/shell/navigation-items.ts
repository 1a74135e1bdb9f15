import { m } from '#messages';
import type { IconName } from '../basic/icons.ts';

/** The pages, in navigation order. */
export interface NavigationItem {
  readonly path: string;
  readonly name: () => string;
  readonly icon: IconName;
}

export const navigationItems: readonly NavigationItem[] = [
  { path: '/', name: m.place_chat, icon: 'chat' },
  { path: '/share', name: m.place_share, icon: 'share' },
  { path: '/network', name: m.place_network, icon: 'network' },
  { path: '/models', name: m.place_models, icon: 'models' },
  { path: '/wallet', name: m.place_wallet, icon: 'wallet' },
  { path: '/doctor', name: m.place_doctor, icon: 'doctor' },
  { path: '/settings', name: m.place_settings, icon: 'settings' },
];

import type { IconName } from '../basic/icons.ts';

/** The pages, in the order of the navigation. */
export interface Place {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  readonly about: string;
}

export const places: readonly Place[] = [
  { path: '/', name: 'Chat', icon: 'chat', about: 'Ask the network or this device' },
  { path: '/share', name: 'Share', icon: 'share', about: 'Lend this device to others' },
  { path: '/network', name: 'Network', icon: 'network', about: 'Who serves what, now' },
  { path: '/models', name: 'Models', icon: 'models', about: 'What can run, and what this device keeps' },
  { path: '/doctor', name: 'Doctor', icon: 'doctor', about: 'What works here, and what does not' },
  { path: '/settings', name: 'Settings', icon: 'settings', about: 'Look, privacy, relays, data' },
];

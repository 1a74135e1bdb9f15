/** Stroke icons on a 24 px grid, one path each, so that the shell needs no icon library. */
export const icons = {
  chat: 'M4 5h16v11H10l-4 4v-4H4z',
  share: 'M12 15V4M8 8l4-4 4 4M5 12v8h14v-8',
  network: 'M7 4v16M17 4v16M4 7h6M14 7h6M4 17h16M10 12h10M4 12h0',
  models: 'M4 7l8-4 8 4-8 4zM4 12l8 4 8-4M4 17l8 4 8-4',
  wallet: 'M4 7h14v12H4zM4 7l10-4v4M18 11h3v4h-3',
  doctor: 'M3 12h4l3-7 4 14 3-7h4',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  menu: 'M4 7h16M4 12h16M4 17h16',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  retry: 'M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4',
  send: 'M12 19V5M6 11l6-6 6 6',
  trash: 'M4 7h16M10 4h4M6 7l1 13h10l1-13M10 11v5M14 11v5',
  search: 'M11 18a7 7 0 1 1 0-14 7 7 0 0 1 0 14zM16 16l4.5 4.5',
  chevron: 'M7 10l5 5 5-5',
  alert: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 8v5M12 16v.2',
} as const;

export type IconName = keyof typeof icons;

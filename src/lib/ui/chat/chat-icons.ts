/** Like those of `basic/icons.ts`, for parts that are loaded after the first paint. */
export const chatIcons = {
  archive: 'M3 5h18v4H3zM5 9v10h14V9M10 13h4',
  attach: 'M8 12l6-6a3 3 0 0 1 4 4l-8 8a5 5 0 0 1-7-7l7-7',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.5 3.5 0 1 0 .1 0',
  compare: 'M4 5h6v14H4zM14 5h6v14h-6z',
  documents: 'M5 4h4v16H5zM9 4h4v16H9zM14 5l3.5-1 4 15.5-3.5 1z',
  edit: 'M4 20l1-5L16 4l4 4L9 19zM14 6l4 4',
  folder: 'M3 7a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z',
  microphone: 'M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3',
  more: 'M5 12h.2M12 12h.2M19 12h.2',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
  speaker: 'M4 9v6h4l5 4V5L8 9zM16.5 8.5a5 5 0 0 1 0 7',
  tag: 'M4 4h8l8 8-8 8-8-8zM8 8h.2',
  stop: 'M7 7h10v10H7z',
  previous: 'M14 7l-5 5 5 5',
  next: 'M10 7l5 5-5 5',
} as const;

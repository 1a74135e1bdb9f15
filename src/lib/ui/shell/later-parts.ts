import { navigationItems } from './navigation-items.ts';

/** All of them: those of the navigation, and those that they lead to. */
const pages = [
  ...navigationItems.map(({ path }) => path),
  '/c/any',
  '/network/peer',
  '/receive',
  '/shared',
  '/leaderboard',
  '/prices',
  '/keys',
  '/verify',
  '/embed',
];

/**
 * Fetches what pages load only when it is needed, so that it is there offline. What is large or rarely used stays out and says
 * that it is missing: engines, formulas, the colouring of code, the preview of the widget.
 * @param fetchPage fetches the code of the page at a path.
 */
export async function fetchLaterParts(fetchPage: (path: string) => Promise<void>): Promise<void> {
  await Promise.allSettled([
    ...pages.map(fetchPage),
    import('./Palette.svelte'),
    import('./Said.svelte'),
    import('./SharingLine.svelte'),
    import('./InstallLine.svelte'),
    import('./export-conversation.ts'),
    import('../download-text.ts'),
    import('../models/ThisDevice.svelte'),
    import('../chat/Attachments.svelte'),
    import('../chat/BeforeComposer.svelte'),
    import('../chat/ChatOptions.svelte'),
    import('../chat/AskCall.svelte'),
    import('../chat/NoConversation.svelte'),
    import('../chat/SlashPrompts.svelte'),
    import('../chat/Shelf.svelte'),
    import('#lib/state/follow-ups.ts'),
    import('#lib/state/search-index.ts'),
    import('#lib/state/search-shelf.ts'),
    import('#lib/state/transcript.ts'),
  ]);
}

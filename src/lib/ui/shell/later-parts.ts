/**
 * Fetches what pages load only when it is needed, so that it is there offline. What is large or rarely used stays out and says
 * that it is missing: engines, formulas, the colouring of code.
 */
export async function fetchLaterParts(): Promise<void> {
  await Promise.allSettled([
    import('./Palette.svelte'),
    import('./Said.svelte'),
    import('./SharingLine.svelte'),
    import('./export-conversation.ts'),
    import('../download-text.ts'),
    import('../models/ThisDevice.svelte'),
    import('../chat/Attachments.svelte'),
    import('../chat/BeforeComposer.svelte'),
    import('../chat/ChatOptions.svelte'),
    import('../chat/NoConversation.svelte'),
    import('#lib/state/search-index.ts'),
    import('#lib/state/transcript.ts'),
  ]);
}

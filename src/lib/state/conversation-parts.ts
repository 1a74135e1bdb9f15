import { loadPart } from '#lib/base/part.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { App } from './app.svelte.ts';
import type { RankPassages } from './attachment.ts';
import type { ConversationParts } from './conversation-spec.ts';
import { resumingModel } from './go-on.ts';
import { isOffered, meaningModel, narrowRoute, type Needs } from './narrow-route.ts';
import type { ShelfSearch } from './search-shelf.ts';
import { persistenceOf } from './settings.ts';
import type { Target } from './target.ts';
import { allowedTools, toChatTool } from './tools/tool-servers.ts';
import { createToolbox, toolsFor } from './tools/toolbox.ts';

/** Context size assumed until the model's is known. */
const contextTokensUnknown = 2_048;
/** Each takes some of the context. */
const serverToolsMax = 32;

type OwnParts = Pick<ConversationParts, 'save' | 'now' | 'newId'>;

/** What a conversation of this page asks, runs and is saved with. */
export function conversationParts(app: App, own: OwnParts): ConversationParts {
  const toolbox = createToolbox({
    now: own.now,
    zone: () => new Intl.DateTimeFormat().resolvedOptions().timeZone,
    runScript: async (code, options) => (await app.ready).runScript(code, options),
    callServer: async (name, text, options) => {
      const { toolServers } = await app.ready;
      for (const { host, askFirst, tools } of toolServers.view.current) {
        const tool = tools.find(({ offered }) => offered === name)?.name;
        if (tool === undefined) continue;
        if (askFirst) await app.callQuestions.ask({ host, tool, arguments: text }, options);
        break;
      }
      return toolServers.call(name, text, options);
    },
  });
  const byWords: RankPassages = async (question, passages) => {
    const { rankPassages } = await loadPart(() => import('./search-index.ts'));
    return rankPassages(question, passages);
  };
  let searching: ShelfSearch | undefined;
  const preview = (target: Target, needs: Needs) => narrowRoute(app.previewOf(target), target, needs);
  return {
    ...own,
    asking: async () => (await app.ready).asking,
    settings: () => app.settings.value,
    budget: () => app.paying?.budget.toString(),
    contextTokens: (target, needs) => {
      const likely = preview(target, needs);
      return 'contextTokens' in likely ? likely.contextTokens : contextTokensUnknown;
    },
    resuming: (artefact, target) => resumingModel(artefact, target, app.network.value),
    sees: (target, tier) => isOffered('vision', target, app.network.value, preview(target, { tier })),
    tools: {
      usable: (target, tier) => isOffered('tools', target, app.network.value, preview(target, { tier })),
      offered: ({ tools = [], servers = [] }) => [
        ...toolsFor(tools),
        ...allowedTools(app.tab?.toolServers.view.current ?? [], servers)
          .map(toChatTool)
          .slice(0, serverToolsMax),
      ],
      run: toolbox.run,
    },
    suggest: async (question, answer, signal) => {
      try {
        const [{ asking }, { askFollowUps }] = await Promise.all([
          app.ready,
          loadPart(() => import('./follow-ups.ts')),
        ]);
        const where = answer.worker?.self ? 'this-device' : 'network';
        return await askFollowUps(question, answer, (request) => asking.ask(request, { signal, where, as: 'aside' }));
      } catch {
        return [];
      }
    },
    rank: byWords,
    shelf: async (question, lengthMax) => {
      if (persistenceOf(app.settings.value) === 'private') return [];
      const [{ createShelfSearch }, { history }] = await Promise.all([
        loadPart(() => import('./search-shelf.ts')),
        app.stored,
      ]);
      searching ??= createShelfSearch(history.shelf);
      return searching.find(question, lengthMax);
    },
    meaning: {
      model: (target) => meaningModel(target, app.network.value),
      rank: async (question, passages, terms, signal) => {
        const [{ asking }, { rankByMeaning }] = await Promise.all([
          app.ready,
          loadPart(() => import('./rank-by-meaning.ts')),
        ]);
        const ask = (request: AskRequest) => asking.ask(request, { signal, where: 'network' });
        return rankByMeaning(question, passages, terms, { ask, byWords, signal });
      },
    },
  };
}

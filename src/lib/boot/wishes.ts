import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { catalog } from '#lib/engine/catalog.ts';
import type { WishView } from '#lib/state/network.ts';
import { wishLimits } from '#lib/protocol/wish.ts';
import type { Session } from './sessions.ts';
import type { SettingsKeeper } from './settings.ts';

/** The models that the user asks for, said under the device's key for as long as this page is open. */
export interface WishKeeper {
  /** Uses this session from now on. */
  watch(serving: Session): void;
  /** Calls back with the models that anybody wishes for, most wishes first, now and with each change. Returns the way to stop. */
  follow(listener: (wishes: readonly WishView[]) => void): () => void;
  /** @throws `model-unknown`, `private-mode`, `identity-elsewhere`, `too-many-wishes`. */
  wish(model: string, wanted: boolean): Promise<void>;
  stop(): void;
}

const weekMs = 7 * 24 * 60 * 60_000;
/** Each with its builds for devices with and without half precision. */
const wishesMax = wishLimits.artefactsMax / 2;
/** Wishes lapse without anybody saying so. */
const lookAgainMs = 60_000;

export function createWishKeeper({
  clock,
  settings,
}: {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly settings: SettingsKeeper;
}): WishKeeper {
  const shown = createEmitter<readonly WishView[]>();
  let session: Session | undefined;
  let listeners = 0;
  let stopFollowing: (() => void) | undefined;
  let cancelLook: (() => void) | undefined;

  const standing = () => settings.view.current.wishes.filter(({ until }) => until > clock.now());
  /** In private mode nothing is said, and a tab without the device's key would count the device twice. */
  const isSpeaking = () => session?.kind === 'own' && !settings.view.current.privateMode;
  const views = (): readonly WishView[] => {
    const counts = session?.peer.wishes.counts();
    const own = new Set(isSpeaking() ? standing().map(({ model }) => model) : []);
    const all = catalog
      .filter(({ name }) => name === firstBuild(name))
      .map(({ name }) => {
        const wishes = Math.max(0, ...buildsOf(name).map(({ artefact }) => counts?.get(artefact) ?? 0));
        return { model: name, wishes, own: own.has(name) };
      });
    return all.filter(({ wishes, own }) => wishes > 0 || own).toSorted((a, b) => b.wishes - a.wishes);
  };
  const show = () => shown.emit(views());
  const apply = () => {
    const artefacts = standing().flatMap(({ model }) => buildsOf(model).map(({ artefact }) => artefact));
    session?.peer.wishes.wish(isSpeaking() ? artefacts : []);
    show();
  };
  const look = () => {
    cancelLook = clock.after(lookAgainMs, look);
    apply();
  };
  const updateFollowing = () => {
    stopFollowing?.();
    stopFollowing = listeners > 0 ? session?.peer.wishes.follow(show) : undefined;
  };
  const endSettings = settings.view.listen(apply);

  return {
    watch(serving) {
      if (session?.peer === serving.peer) return apply();
      session = serving;
      updateFollowing();
      cancelLook?.();
      look();
    },
    follow(listener) {
      const end = shown.listen(listener);
      let isFollowing = true;
      listeners += 1;
      if (listeners === 1) updateFollowing();
      listener(views());
      return () => {
        if (!isFollowing) return;
        isFollowing = false;
        end();
        listeners -= 1;
        if (listeners === 0) updateFollowing();
      };
    },
    async wish(named, wanted) {
      const model = firstBuild(named);
      if (model === undefined)
        throw new TabloomError('model-unknown', 'Only models in the catalog can be asked for. Choose one of them.');
      if (settings.view.current.privateMode)
        throw new TabloomError(
          'private-mode',
          'Private mode is on, so nothing is asked for. Turn it off in Settings first.',
        );
      if (session && session.kind !== 'own')
        throw new TabloomError(
          'identity-elsewhere',
          'Another tab of this browser has this device’s key. Ask for the model there.',
        );
      const others = standing().filter((one) => one.model !== model);
      if (wanted && others.length >= wishesMax)
        throw new TabloomError('too-many-wishes', `At most ${wishesMax} models can be asked for. Withdraw one first.`);
      await settings.change({ wishes: wanted ? [...others, { model, until: clock.now() + weekMs }] : others });
    },
    stop() {
      endSettings();
      cancelLook?.();
      stopFollowing?.();
      stopFollowing = undefined;
    },
  };
}

/** The same model for devices that differ. */
function buildsOf(name: string) {
  const title = catalog.find((entry) => entry.name === name)?.title;
  return catalog.filter((entry) => entry.title === title);
}

/** The name under which pages list a model that nobody serves. */
const firstBuild = (name: string): string | undefined => buildsOf(name)[0]?.name;

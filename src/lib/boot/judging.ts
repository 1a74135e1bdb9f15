import { toErrorRecord } from '#lib/base/errors.ts';
import { createLive, type Live, type MutableLive } from '#lib/base/live.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { RelayAudits } from '#lib/protocol/relay-info.ts';
import type { LibraryView } from '#lib/state/library.ts';
import type { Settings } from '#lib/state/settings.ts';
import type { JudgingView } from '#lib/state/judging.ts';
import type { Session } from './sessions.ts';

/** Judges the answers of others while the user wants it, a model is loaded, and the network has named this device. */
export interface JudgingKeeper {
  readonly view: MutableLive<JudgingView>;
  /** Uses the key of this session from now on. */
  watch(serving: Session): void;
  /** What the page's relay says of audits. */
  noteTerms(terms: RelayAudits | undefined): void;
  /** Resolves when what runs has stopped, and starts nothing more. */
  stop(): Promise<void>;
}

export interface JudgingComponents {
  readonly settings: Live<Pick<Settings, 'judgeAudits'>>;
  readonly library: Live<Pick<LibraryView, 'loaded'>>;
  /** Makes the validator. */
  readonly open: (session: Session, terms: RelayAudits, onSeat: () => void) => Promise<Startable>;
}

export function keepJudging({ settings, library, open }: JudgingComponents): JudgingKeeper {
  const view = createLive<JudgingView>({ phase: 'off', seated: 0, self: undefined, error: undefined });
  const steps = createMutex();
  let session: Session | undefined;
  let terms: RelayAudits | undefined;
  let isOver = false;
  let running: { readonly validator: Startable; readonly by: By } | undefined;

  const phaseNow = (): Exclude<JudgingView['phase'], 'failed'> => {
    const self = session?.peer.self;
    if (!settings.current.judgeAudits || isOver) return 'off';
    if (session?.kind !== 'own') return 'elsewhere';
    if (!terms) return 'not-followed';
    if (!terms.validators.some(({ peer }) => peer === self)) return 'not-named';
    const { state, scorer } = session.peer.provider;
    // The browser's own model answers, and tells nothing of its scores.
    const canScore = state.models.some(({ artefact }) => scorer.has(artefact));
    return library.current.loaded.length > 0 && canScore ? 'judging' : 'no-model';
  };
  const byNow = (): By => ({ session, models: library.current.loaded.toSorted().join(' '), terms });

  const apply = async (): Promise<void> => {
    if (running && (phaseNow() !== 'judging' || !isSame(running.by, byNow()))) {
      const { validator } = running;
      running = undefined;
      await validator.stop();
    }
    const phase = phaseNow();
    if (phase !== 'judging' || running) return view.change({ phase, self: session?.peer.self, error: undefined });
    const by = byNow();
    try {
      const validator = await open(session!, terms!, () => view.change({ seated: view.current.seated + 1 }));
      // What has changed meanwhile is looked at in the next step; nothing is begun under a key that has gone.
      if (phaseNow() !== 'judging' || !isSame(by, byNow())) return;
      await validator.start();
      running = { validator, by };
      view.change({ phase, self: session?.peer.self, error: undefined });
    } catch (error) {
      view.change({ phase: 'failed', self: session?.peer.self, error: toErrorRecord(error) });
    }
  };
  const look = () => void steps.run(apply).catch(() => undefined);
  let loaded = library.current.loaded;
  const endings = [
    settings.listen(look),
    library.listen((now) => {
      if (now.loaded === loaded) return;
      loaded = now.loaded;
      look();
    }),
  ];

  return {
    view,
    watch(serving) {
      session = serving;
      look();
    },
    noteTerms(named) {
      if (JSON.stringify(named) === JSON.stringify(terms)) return;
      terms = named;
      look();
    },
    async stop() {
      isOver = true;
      for (const end of endings) end();
      await steps.run(apply).catch(() => undefined);
    },
  };
}

/** A validator is made for one session, the models that are loaded and one set of terms. */
interface By {
  readonly session: Session | undefined;
  /** Their names, joined: names have no spaces. */
  readonly models: string;
  readonly terms: RelayAudits | undefined;
}

const isSame = (one: By, other: By): boolean =>
  one.session === other.session && one.models === other.models && one.terms === other.terms;

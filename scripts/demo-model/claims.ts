/** What the bundled model says about the product, and where that can be seen: a file, and what must stand in it. */
export interface Claim {
  /** In the words of the corpus. */
  readonly says: RegExp;
  readonly file: string;
  readonly has: string;
}

const shown = (says: RegExp, message: string): Claim => ({ says, file: 'messages/en.json', has: `"${message}":` });
const made = (says: RegExp, file: string, has: string): Claim => ({ says, file, has });

/** Every line that an intent may answer with needs one of its claims; intents of mere talk stand in `talk`. */
export const claims: Readonly<Record<string, readonly Claim[]>> = {
  about: [made(/answer|writes/, 'src/lib/peer/serve/provide.ts', 'export'), shown(/receipt/, 'receipt_again')],
  works: [
    made(/libp2p|WebRTC/, 'package.json', '"@libp2p/webrtc"'),
    made(/WebAssembly/, 'package.json', '"@wllama/wllama"'),
  ],
  who_answers: [shown(/named|names/, 'who_nobody'), made(/thin line/, 'src/lib/ui/peer-colour.ts', 'export')],
  peer: [made(/provider|key/, 'src/lib/peer/identity.ts', 'export')],
  thread: [made(/line|colour/, 'src/lib/ui/chat/Thread.svelte', 'peerColour')],
  source: [
    made(/MIT licence/, 'package.json', '"license": "MIT"'),
    made(/wire protocol/, 'src/lib/protocol/README.md', '#'),
  ],
  close: [
    shown(/[Cc]lose/, 'share_stop_any_time'),
    made(/saved as far/, 'CHANGELOG.md', 'is saved every two seconds while it arrives'),
  ],
  speed: [shown(/tokens a second/, 'rate'), shown(/Network page/, 'column_rate')],
  incognito: [shown(/private mode/, 'settings_private_note'), shown(/still read/, 'tier_open')],
  chats: [
    made(/address/, 'src/routes/(chat)/c/[id]/+page.svelte', ''),
    shown(/undone/, 'history_undo'),
    shown(/version/, 'version_position'),
    shown(/renamed/, 'history_rename'),
    shown(/pinned/, 'history_pin'),
    shown(/folders/, 'history_folder'),
  ],
  search: [
    shown(/palette/, 'palette_messages'),
    made(/runs in your browser/, 'src/lib/state/search-index.ts', 'export'),
  ],
  backup: [
    shown(/Markdown/, 'history_export_markdown'),
    shown(/JSON/, 'conversations_import'),
    made(/ChatGPT.*Open WebUI/, 'src/lib/state/foreign-chats.ts', 'export'),
    made(/nothing is uploaded/, 'src/lib/state/foreign-chats.ts', 'export'),
  ],
  linking: [shown(/link/, 'history_link_copied')],
  attach: [
    shown(/text, code/i, 'attach_hint'),
    shown(/passages/, 'attach_passages'),
    made(/PDF/, 'package.json', '"pdfjs-dist"'),
  ],
  hours: [
    shown(/away|nobody uses|somebody uses/, 'limit_away'),
    shown(/hours/, 'why_schedule'),
    made(/memory and disk/, 'src/lib/ui/share/SizeLimit.svelte', '<'),
  ],
  paying: [shown(/agreed/, 'pay_price'), shown(/cost stands below/, 'pay_private')],
  wallet: [shown(/Wallet page/, 'wallet_balance'), shown(/key kept/, 'wallet_import')],
  network: [shown(/Network page/, 'column_price'), shown(/empty shelves/, 'capacity_none')],
  instructions: [
    shown(/system prompt|keep theirs/, 'options_preset'),
    made(/preset/, 'src/lib/ui/chat/presets.ts', 'export'),
  ],
  cost: [shown(/price|cost/, 'pay_price'), shown(/Wallet page/, 'wallet_balance')],
  account: [made(/key/, 'src/lib/peer/identity.ts', 'export')],
  devices: [shown(/Phones/, 'preflight_phone'), shown(/Doctor page/, 'doctor_copy')],
  offline: [
    made(/open|app/, 'static/manifest.webmanifest', '"display"'),
    made(/demo model/, 'src/lib/engine/catalog/demo.ts', '/models/tabloom-demo.gguf'),
  ],
  stop: [shown(/Stop/, 'chat_stop')],
  models: [shown(/Models page/, 'models_search'), shown(/storage/, 'models_search'), shown(/compare/, 'compare_about')],
  api: [made(/\/v1/, 'docs/GATEWAY.md', '/v1/chat/completions'), made(/npm start/, 'package.json', '"start":')],
  widget: [
    made(/Embed page|script tag/, 'src/routes/embed/+page.svelte', 'writeSnippet'),
    made(/asked for, never assumed/, 'src/lib/widget/device-offer.ts', 'export'),
  ],
  relay: [
    made(/carries bytes|passes encrypted bytes/, 'relay/relay.ts', 'export'),
    made(/OpenAI gateway/, 'docs/GATEWAY.md', '/v1/chat/completions'),
  ],
  nobody: [shown(/Nobody serves|nobody serves|no peers/i, 'who_nobody_model'), shown(/Network page/, 'capacity_none')],
  selfhost: [made(/npm start/, 'package.json', '"start":')],
  trouble: [shown(/Doctor page/, 'doctor_copy'), shown(/report holds nothing/, 'doctor_report_note')],
  private: [shown(/can read/, 'tier_open'), shown(/never leave/, 'doctor_report_note')],
  history: [shown(/chats are kept|lives in your own browser|keeps your chats/i, 'settings_delete_warning')],
  trust: [
    made(/examined|checks/, 'src/lib/market/audition.ts', 'export'),
    made(/Receipts say/, 'src/lib/trust/receipt.ts', 'export'),
  ],
  receipt: [made(/signed|sign it back/, 'src/lib/trust/receipt.ts', 'export')],
  share: [
    shown(/Start sharing/, 'share_start'),
    shown(/finish and stop/, 'share_finish'),
    made(/several models/, 'CHANGELOG.md', 'A tab holds several models and shares them at once'),
  ],
  pause: [shown(/Pause|pauses the sharing/, 'pause'), shown(/battery and on metered/, 'limit_metered')],
  harm: [shown(/battery|limit/, 'limit_battery'), made(/memory, the disk/, 'src/lib/ui/share/Limits.svelte', '<')],
  earn: [shown(/priority/, 'priority_note'), shown(/price/, 'price_title'), shown(/Wallet page/, 'wallet_balance')],
  tiers: [shown(/[Oo]pen/, 'tier_open'), shown(/verified/i, 'tier_verified')],
  verified: [
    shown(/require them/, 'options_tier'),
    shown(/bond/, 'tier_verified'),
    shown(/judge the answers/, 'judge_switch'),
    shown(/validator/, 'judge_not_named'),
  ],
  leaderboard: [
    made(/Leaderboard page|is a leaderboard/, 'src/routes/leaderboard/+page.svelte', 'board_title'),
    shown(/names that owners chose|chose one|chose no name/, 'board_names'),
  ],
  open_tier: [shown(/can read the prompt|read your prompt|everyday/, 'tier_open')],
};

/** Says nothing about the product but that the model is small. */
export const talk = new Set(
  'greet thanks bye name howareyou abilities ack praise insult joke introduce poem fallback images'.split(' '),
);

/** What there is not: these may only be said to be missing. */
export const missing = new Set(['confidential']);

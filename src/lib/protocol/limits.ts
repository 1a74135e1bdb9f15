import { maxTokensMax } from './max-tokens.ts';

/**
 * Every number of the wire stands here once. Sizes in bytes (texts: of UTF-8), lengths in UTF-16 code units, times in
 * milliseconds.
 */
export const limits = {
  /** A frame's body; a larger one is refused before it is read. */
  frameBytesMax: 256 * 1024,
  /** A gossiped record with its envelope. */
  gossipBytesMax: 16 * 1024,
  /** What a worker may hold for an asker that reads slowly. */
  workerBufferBytesMax: 64 * 1024,
  /** Arrays and maps inside each other; real records need six. */
  nestingMax: 16,
  /** Values in one message, containers and their members each counted; keys are not. */
  cborItemsMax: 65_536,

  /** Bytes of a file, or of a made one, in one frame. */
  blobFrameBytesMax: 64 * 1024,
  /** A file that a job brings. */
  blobBytesMax: 32 * 1024 * 1024,
  /** Files under way of one asker at one worker. */
  blobBytesPerPeerMax: 64 * 1024 * 1024,
  /** From `open` to the last byte of the files. */
  blobTimeoutMs: 60_000,

  /** Words that a record says must be understood. */
  mustWordsMax: 16,
  messagesMax: 512,
  messageTextBytesMax: 192 * 1024,
  messagePartsMax: 16,
  toolsMax: 128,
  toolCallsMax: 128,
  /** A JSON document in text: a schema, a description. */
  jsonTextBytesMax: 64 * 1024,
  topKMax: 1_000_000,
  logitBiasMax: 300,
  topLogprobsMax: 20,
  logprobsPerPartMax: 256,
  embeddingTextsMax: 256,
  embeddingDimensionsMax: 8_192,
  /** Files that one job makes. */
  dataFilesMax: 4,
  stopSequencesMax: 4,
  stopSequenceBytesMax: 256,
  maxTokensMax,
  nameLengthMax: 128,
  /** Media types. */
  mimeLengthMax: 128,
  /** Builds, kinds of device, words of a policy. */
  wordLengthMax: 64,
  quantisationLengthMax: 32,
  errorMessageLengthMax: 1_024,
  receiptBytesMax: 8 * 1024,
  partTextBytesMax: 64 * 1024,
  tokensPerPartMax: 4_096,
  /** What an asker takes of one answer before it cuts the worker off, in UTF-16 code units. */
  answerLengthMax: 1024 * 1024,
  /** Tokens an asker takes past the wish: engines may count an end-of-text token. */
  tokenSlack: 8,
  /** Rates in tokens a second. */
  rateMax: 1e9,
  /** Durations that a peer states. */
  durationMsMax: 1e9,

  offerTtlMs: 45_000,
  offerHeartbeatMs: 15_000,
  /** The heartbeat moves by up to this share of itself either way, so that workers do not speak at once. */
  offerJitter: 0.2,
  offerTtlMsMax: 120_000,
  /** How far ahead of a validator's clock an offer may be dated. */
  offerClockSkewMs: 10_000,
  /** Offers accepted of one peer in one `offerRateWindowMs`; bursts come from queue changes. */
  offersPerWindowMax: 40,
  offerRateWindowMs: 10_000,
  /** A worker's changes of state are announced at most this often. */
  offerMinGapMs: 400,
  offerModelsMax: 32,
  offerAddrsMax: 16,
  addrLengthMax: 512,
  offerTiersMax: 8,
  /** Kinds of work of one model, and things it can do. */
  offerKindsMax: 16,
  offerFeaturesMax: 32,
  offerPolicyMax: 16,
  contextTokensMax: 10_000_000,
  /** Slots of a model, and jobs that an offer or a place in a queue may speak of. */
  slotsMax: 1_024,
  directoryOffersMax: 10_000,

  findLimitMax: 64,
  findLimitDefault: 16,
  /** Find streams a relay serves to one peer. */
  findStreamsPerPeerMax: 4,
  /** A find stream with nothing to tell says `alive` this often, and is taken for dead after the silence. */
  findAliveIntervalMs: 10_000,
  findSilenceTimeoutMs: 25_000,

  /** Jobs waiting behind a worker's slot. */
  workerQueueMax: 8,
  jobsPerPeerMax: 4,
  jobRecordsMax: 256,
  jobRecordTtlMs: 10 * 60_000,
  /** Of all answers remembered together; who has the most gives way first. */
  jobRecordBytesMax: 16 * 1024 * 1024,
  jobDeadlineMsDefault: 120_000,
  jobDeadlineMsMax: 30 * 60_000,
  /** From the stream's opening to the `open` frame. */
  openFrameTimeoutMs: 10_000,
  /** From `open` to `accepted` or `refused`. */
  acceptTimeoutMs: 6_000,
  aliveIntervalMs: 2_000,
  /** A checkpoint is due after so many tokens or so much time, whichever comes first. */
  checkpointTokens: 64,
  checkpointIntervalMs: 2_000,
  /** Frames of a type that is not known, and that an asker passes over in one answer. */
  unknownFramesMax: 4_096,
  /** Checkpoints an asker takes in one answer. */
  checkpointFramesMax: 4_096,
  /** Longest wait for a worker that says why it has nothing to say (`loading`, `prefill`, `thinking`). */
  patienceMsMax: 120_000,
  silenceTimeoutMs: 6_000,
  /** From the slot to the first word, at least; longer for a long prompt and a slow worker. */
  firstPartTimeoutMs: 20_000,
  /** Times a worker may tell the place in its queue, and an asker may say `cancel`. */
  acceptedFramesMax: 2_048,
  cancelFramesMax: 8,
  /** After a cancel, for the parts under way and the receipt. */
  settleTimeoutMs: 1_500,
  /** An asker that takes no frame for this long holds a slot for nothing: it is treated as gone. */
  sendStallMs: 30_000,
  countersignTimeoutMs: 3_000,
  /** How far a receipt's date may lie outside the time from asking to receiving: the clocks of two homes. */
  receiptClockSkewMs: 60_000,
  attemptsMax: 4,
} as const;

import { maxTokensMax } from './max-tokens.ts';

/**
 * Every limit of the wire protocol. Sizes are in bytes (of UTF-8 for text), lengths in UTF-16 code units, times in
 * milliseconds.
 */
export const limits = {
  /** Body of one frame; larger ones are refused before the body is read. */
  frameBytesMax: 256 * 1024,
  /** A gossiped record including its envelope. */
  gossipBytesMax: 16 * 1024,
  /** What a worker buffers for a slow asker. */
  workerBufferBytesMax: 64 * 1024,
  /** Nesting depth of arrays and maps; real records need six. */
  nestingMax: 16,
  /** Values in one message. Containers and their members each count; keys do not. */
  cborItemsMax: 65_536,

  /** Bytes of an input or output file in one frame. */
  blobFrameBytesMax: 64 * 1024,
  /** Size of an input file. */
  blobBytesMax: 32 * 1024 * 1024,
  /** Files in transit from one asker to one worker. */
  blobBytesPerPeerMax: 64 * 1024 * 1024,
  /** From `open` to the last byte of the files. */
  blobTimeoutMs: 60_000,

  /** Words in a record's `must`. */
  mustWordsMax: 16,
  messagesMax: 512,
  messageTextBytesMax: 192 * 1024,
  messagePartsMax: 16,
  toolsMax: 128,
  toolCallsMax: 128,
  /** A JSON document kept as text, such as a schema; also a tool's description. */
  jsonTextBytesMax: 64 * 1024,
  topKMax: 1_000_000,
  logitBiasMax: 300,
  topLogprobsMax: 20,
  logprobsPerPartMax: 256,
  embeddingTextsMax: 256,
  embeddingDimensionsMax: 8_192,
  /** Output files of one job. */
  dataFilesMax: 4,
  stopSequencesMax: 4,
  stopSequenceBytesMax: 256,
  maxTokensMax,
  nameLengthMax: 128,
  /** Media types. */
  mimeLengthMax: 128,
  /** Open words, and short texts such as builds and device classes. */
  wordLengthMax: 64,
  quantisationLengthMax: 32,
  errorMessageLengthMax: 1_024,
  receiptBytesMax: 8 * 1024,
  partTextBytesMax: 64 * 1024,
  tokensPerPartMax: 4_096,
  /** Longest answer an asker accepts before it drops the worker, in UTF-16 code units. */
  answerLengthMax: 1024 * 1024,
  /** Tokens an asker accepts beyond `maxTokens`: engines may count an end-of-text token. */
  tokenSlack: 8,
  /** Tokens per second. */
  rateMax: 1e9,
  /** Durations stated by a peer. */
  durationMsMax: 1e9,

  offerTtlMs: 45_000,
  offerHeartbeatMs: 15_000,
  /** Heartbeats are jittered by up to this fraction either way, so that workers do not announce in step. */
  offerJitter: 0.2,
  offerTtlMsMax: 120_000,
  /** How far ahead of a validator's clock an offer may be dated. */
  offerClockSkewMs: 10_000,
  /** Offers accepted from one peer per `offerRateWindowMs`; queue changes cause bursts. */
  offersPerWindowMax: 40,
  offerRateWindowMs: 10_000,
  /** Minimum interval between a worker's announcements. */
  offerMinGapMs: 400,
  offerModelsMax: 32,
  nicknameLengthMax: 32,
  offerAddrsMax: 16,
  offerGpusMax: 16,
  addrLengthMax: 512,
  offerTiersMax: 8,
  /** Kinds of work and features of one model. */
  offerKindsMax: 16,
  offerFeaturesMax: 32,
  offerPolicyMax: 16,
  contextTokensMax: 10_000_000,
  /** Upper bound for a model's slots, for job counts in an offer and for queue positions. */
  slotsMax: 1_024,
  directoryOffersMax: 10_000,

  findLimitMax: 64,
  zoneLabelLengthMax: 32,
  findLimitDefault: 16,
  /** Find streams a relay serves to one peer. */
  findStreamsPerPeerMax: 4,
  /** An idle find stream sends `alive` at this interval; the asker treats it as dead after `findSilenceTimeoutMs`. */
  findAliveIntervalMs: 10_000,
  findSilenceTimeoutMs: 25_000,

  /** Jobs queued per model of a worker. */
  workerQueueMax: 8,
  jobsPerPeerMax: 4,
  jobRecordsMax: 256,
  jobRecordTtlMs: 10 * 60_000,
  /** Total size of all recorded answers; the asker that holds the most is evicted from first. */
  jobRecordBytesMax: 16 * 1024 * 1024,
  jobDeadlineMsDefault: 120_000,
  jobDeadlineMsMax: 30 * 60_000,
  /** From opening the stream to the `open` frame. */
  openFrameTimeoutMs: 10_000,
  /** From `open` to `accepted` or `refused`. */
  acceptTimeoutMs: 6_000,
  aliveIntervalMs: 2_000,
  /** A checkpoint is due after this many tokens or this much time, whichever comes first. */
  checkpointTokens: 64,
  checkpointIntervalMs: 2_000,
  /**
   * The same of a job that is paid for, at first: half a chunk, so that the payment of one half travels while the next is made. Later
   * up to `paidCheckpointTokensMax`, where payments come sooner.
   */
  paidCheckpointTokens: 32,
  paidCheckpointTokensMax: 56,
  /** Tokens that may be unpaid before a worker stops to wait, which is a chunk. */
  unpaidTokensMax: 64,
  /** Input is paid before it is read, in steps of so many units. */
  inputStepTokens: 2_048,
  /** How long a worker waits for what is due. */
  unpaidTimeoutMs: 6_000,
  /** Sooner after a cancel, so that its receipt arrives in time. */
  unpaidAfterCancelMs: 1_000,
  /** `pay` frames a worker takes for one job. */
  payFramesMax: 4_096,
  /** Frames of unknown types that an asker skips in one answer. */
  unknownFramesMax: 4_096,
  /** Checkpoints an asker accepts in one answer. */
  checkpointFramesMax: 4_096,
  /** Longest wait for a worker that reports why it is silent (`loading`, `prefill`, `thinking`). */
  phaseTimeoutMsMax: 120_000,
  silenceTimeoutMs: 6_000,
  /** Minimum wait from getting a slot to the first content; longer for a long prompt or a slow worker. */
  firstPartTimeoutMs: 20_000,
  /** From one piece of the answer to the next, at least; longer for a slow worker. */
  stallTimeoutMs: 6_000,
  /** `accepted` frames an asker takes for one job, and `cancel` frames a worker takes. */
  acceptedFramesMax: 2_048,
  cancelFramesMax: 8,
  /** After a cancel: time for parts in flight and the receipt. */
  settleTimeoutMs: 1_500,
  /** An asker that takes no frame for this long only occupies a slot and is treated as gone. */
  sendStallMs: 30_000,
  countersignTimeoutMs: 3_000,
  /** How far `issuedAt` may lie outside the interval from request to receipt: two machines' clocks differ. */
  receiptClockSkewMs: 60_000,
  attemptsMax: 8,
  /** Attempts of one job in all, those that delivered a part of the answer included. */
  jobAttemptsMax: 24,

  /** Within which a request to close a channel has to come, and its answer. */
  closeRequestMs: 10_000,
  closeAnswerMs: 20_000,

  /** Peers that a tally names: those that the most work was received from. */
  tallyEntriesMax: 100,
  tallyTtlMs: 24 * 3_600_000,
  tallyTtlMsMax: 7 * 24 * 3_600_000,
  /** How far ahead of a reader's clock a tally may be dated. */
  tallyClockSkewMs: 60_000,
  /** Known forkers that one side of an exchange names, and links that the side which opens it does. */
  tallyForkedMax: 64,
  tallyLinksMax: 256,
  /** Forks that one side hands over in one exchange, and links that are shown. */
  tallyForksMax: 8,
  /** The whole exchange. */
  tallyTimeoutMs: 20_000,
  /** Exchanges that a peer is granted: one at a time, with this long between their beginnings. */
  tallyMinGapMs: 30_000,

  /** Receipts of one epoch, the leaves of its tree. */
  epochReceiptsMax: 16_384,
  /** Hashes of an inclusion proof: the depth of a tree with `epochReceiptsMax` leaves. */
  epochPathMax: 14,
  /** From the end of an epoch to the beacon round that picks from it: its commitment has to be out before. */
  epochGraceMs: 60_000,
  epochBytesMax: 1_024,

  /** Sittings of one round of an audit, each with a panel and positions of its own. */
  auditSittingsMax: 2,
  /** Positions of an answer at which a validator states what it measured. */
  auditPositionsMax: 32,
  /** Leaves that one request asks a worker to open by their place, and as many by their receipt. */
  auditOpeningsMax: 64,
  /** Parts of a released answer: what was sent in more is joined. */
  auditPartsMax: 4_096,
  /** From the request to the last answer. */
  auditAnswerMs: 20_000,
  /** How far ahead of a reader's clock an accusation may be dated, and how far behind it when it is first heard. */
  auditClockSkewMs: 60_000,
} as const;

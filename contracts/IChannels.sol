// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The nouns of a payment channel: what is opened, what is signed, what can go wrong.
/// @notice All amounts are in the smallest unit of the channel's token; all times are Unix seconds.
interface IChannels {
    /// @notice Everything two parties agree on before the first unit moves. Its hash is the channel's id, so that
    /// nothing of it is stored and nothing of it can change.
    /// @param payer Whose money it is, and the only address unspent money returns to.
    /// @param payerSigner Signs vouchers: a session key in a browser, or a contract wallet (ERC-1271).
    /// @param provider Who is paid.
    /// @param providerSigner Signs cooperative closes and claim orders for the provider.
    /// @param token An ERC-20 token that moves exactly the amount it is told to.
    /// @param delay Session mode: seconds between announcing a withdrawal and making it. Zero in job mode.
    /// @param deadline Job mode: the last second in which the job may be paid. Zero in session mode.
    /// @param salt Tells apart channels that agree in everything else.
    struct Channel {
        address payer;
        address payerSigner;
        address provider;
        address providerSigner;
        address token;
        uint48 delay;
        uint48 deadline;
        bytes32 salt;
    }

    /// @notice What is kept of a channel: one storage slot.
    /// @param balance Deposited so far; after closing, exactly what was claimed.
    /// @param claimed Credited so far to provider and treasury. Never falls.
    /// @param withdrawableAt 0 while open; the time of an announced withdrawal; `CLOSED` for ever after closing.
    struct ChannelState {
        uint104 balance;
        uint104 claimed;
        uint48 withdrawableAt;
    }

    /// @notice One channel's newest voucher, as handed to `claim`.
    struct Claim {
        Channel channel;
        uint128 cumulativeAmount;
        bytes signature;
    }

    /// @notice A provider's permission for somebody else to claim and be paid for it. It names its claims exactly,
    /// so using it twice does nothing: the vouchers are stale by then.
    /// @param providerSigner Who signs; claims of channels with another provider signer are refused.
    /// @param relay Who may use it, and receives the fee. Zero: whoever comes first.
    /// @param feePerClaim Taken out of the provider's part of each accepted claim, at most that part.
    /// @param validBefore The order is void from this second on.
    /// @param claimsHash keccak256 of (channelId, cumulativeAmount) of each claim, 64 bytes each, in order.
    struct ClaimOrder {
        address providerSigner;
        address relay;
        uint128 feePerClaim;
        uint48 validBefore;
        bytes32 claimsHash;
    }

    /// @notice What somebody gets for sending a transaction in another's place, out of that one's money. It is part of what
    /// the other signs, so nobody can change it.
    /// @param sponsor Who is paid, whoever sends. Zero: whoever sends.
    /// @param fee Zero: nothing, as for those who send for themselves.
    struct Sponsorship {
        address sponsor;
        uint96 fee;
    }

    /// @notice A payee's permission to pay it out against a fee. Good once: it names the payee's next nonce.
    /// @param payee Who signs and is paid.
    /// @param sponsor Who is paid the fee, whoever sends. Zero: whoever sends.
    /// @param fee Taken out of what is owed.
    /// @param payeeMin The least that must arrive after the fee, lest the order be used for a trifle.
    /// @param validBefore The order is void from this second on.
    /// @param nonce `settleNonce` of the payee.
    struct SettleOrder {
        address payee;
        address token;
        address sponsor;
        uint96 fee;
        uint128 payeeMin;
        uint48 validBefore;
        uint256 nonce;
    }

    /// @notice Why a claim in a batch was passed over.
    enum Refusal {
        None,
        ChannelMissing,
        ChannelClosed,
        Stale,
        Overdrawn,
        DeadlinePassed,
        NotProvider,
        BadSignature
    }

    /// @notice How a channel ended.
    enum Closing {
        Cooperative,
        Withdrawn,
        JobPaid,
        JobRefunded
    }

    event ChannelOpened(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed provider,
        Channel channel,
        uint256 amount
    );
    event ToppedUp(bytes32 indexed channelId, address indexed from, uint256 amount, uint256 balance);
    /// @param claimed The channel's new cumulative total; the difference to the former one was credited.
    /// @param treasuryPart How much of that difference went to the treasury; the rest is the provider's.
    event Claimed(bytes32 indexed channelId, uint256 claimed, uint256 treasuryPart);
    event ClaimSkipped(bytes32 indexed channelId, Refusal refusal, uint256 cumulativeAmount);
    event RelayPaid(address indexed relay, address indexed provider, address indexed token, uint256 amount);
    event Settled(address indexed token, address indexed payee, uint256 amount);
    /// @param payer Whose money it was: a channel's payer, or the payee of an order to settle.
    event SponsorPaid(address indexed sponsor, address indexed payer, address indexed token, uint256 fee);
    /// @param sponsor Who is paid the fee when the money leaves, as far as it goes.
    event WithdrawalSponsored(bytes32 indexed channelId, address indexed sponsor, uint256 fee);
    event SettleOrdersRevoked(address indexed payee, uint256 nonce);
    event WithdrawalAnnounced(bytes32 indexed channelId, uint256 withdrawableAt);
    event ChannelClosed(bytes32 indexed channelId, Closing closing, uint256 claimed, uint256 returned);
    event ShareSet(uint256 shareBps);
    event TreasurySet(address treasury);

    error PartyMissing(address payer, address payerSigner, address provider, address providerSigner);
    error PartyIsContractItself(address party);
    error ModeUnclear(uint256 delay, uint256 deadline);
    error DelayOutOfRange(uint256 minimum, uint256 maximum, uint256 given);
    error DeadlineOutOfRange(uint256 earliest, uint256 latest, uint256 given);
    error CallerNotPayer(address expected, address caller);
    error CallerNotPayerSide(address payer, address payerSigner, address caller);
    error ChannelExists(bytes32 channelId);
    error ChannelMissing(bytes32 channelId);
    error ChannelAlreadyClosed(bytes32 channelId);
    error WithdrawalPending(bytes32 channelId, uint256 withdrawableAt);
    error WithdrawalNotAnnounced(bytes32 channelId);
    error TooEarly(uint256 earliest, uint256 current);
    error DeadlinePassed(uint256 latest, uint256 current);
    error SessionOnly(bytes32 channelId);
    error JobOnly(bytes32 channelId);
    error BalanceTooLarge(uint256 maximum, uint256 given);
    error FinalAmountOutOfRange(uint256 minimum, uint256 maximum, uint256 given);
    error BatchTooLong(uint256 maximum, uint256 given);
    error OrderExpired(uint256 validBefore, uint256 current);
    error NonceMismatch(uint256 expected, uint256 given);
    error FeeTooLarge(uint256 maximum, uint256 given);
    error PayeeMinNotMet(uint256 minimum, uint256 given);
    error RelayMismatch(address expected, address caller);
    error ClaimsMismatch(bytes32 expected, bytes32 actual);
    error ShareTooLarge(uint256 maximum, uint256 given);
    error TreasuryInvalid(address given);
}

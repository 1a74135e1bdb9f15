// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {EIP712} from '@openzeppelin/contracts/utils/cryptography/EIP712.sol';
import {MessageHashUtils} from '@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol';
import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {ChannelMessages} from './ChannelMessages.sol';
import {Governed} from './Governed.sol';
import {IChannels} from './IChannels.sol';
import {Authorization, Intake, Permit} from './Intake.sol';
import {Signatures} from './Signatures.sol';

/// @title One-way payment channels: deposit once, sign by the chunk, claim in batches.
/// @notice SPEC.md tells the whole story. In short: `balance - claimed` is the payer's, `owed` is everybody else's, and
/// the two together are what the contract holds. There is no pause, and no function here asks governance for anything.
contract Channels is IChannels, EIP712, Governed, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 public constant DELAY_MIN = 24 hours;
    uint256 public constant DELAY_MAX = 30 days;
    uint256 public constant JOB_DURATION_MAX = 30 days;
    uint256 public constant SHARE_BPS_MAX = 2_000;
    uint256 public constant BATCH_MAX = 200;
    uint256 public constant BALANCE_MAX = type(uint104).max;
    /// @notice The `withdrawableAt` of a channel that has ended. It never begins again: use another salt.
    uint48 public constant CLOSED = type(uint48).max;

    uint256 private constant _BPS = 10_000;

    /// @notice Where the network's part of each claim goes.
    address public treasury;
    /// @notice That part, in hundredths of a percent.
    uint16 public shareBps;

    /// @notice Credited and not yet paid out.
    mapping(address token => mapping(address payee => uint256 amount)) public owed;

    mapping(bytes32 channelId => ChannelState state) private _states;

    /// @dev What one batch carries along: sums wait here until provider or token changes, so that a batch to one
    /// provider writes two slots of `owed` in all.
    struct Batch {
        bytes32 domain;
        address treasury;
        uint256 shareBps;
        address actor;
        address relay;
        uint256 feePerClaim;
        address token;
        address provider;
        uint256 forProvider;
        uint256 forTreasury;
        uint256 forRelay;
        uint256 accepted;
    }

    constructor(
        address governor,
        address treasury_,
        uint16 shareBps_
    ) EIP712('Tabloom Channels', '1') Governed(governor) {
        _setTreasury(treasury_);
        _setShare(shareBps_);
    }

    // --- open and top up -------------------------------------------------------------------------------------------

    /// @notice Opens a channel with the caller's approved tokens. The caller is the payer.
    function open(Channel calldata channel, uint128 amount) external nonReentrant returns (bytes32 id) {
        _checkCallerIsPayer(channel);
        id = _open(channel, amount);
        Intake.pull(channel.token, channel.payer, amount);
    }

    /// @notice The same with an ERC-2612 permit. A permit names no channel, hence again only the payer may call.
    function openWithPermit(
        Channel calldata channel,
        uint128 amount,
        Permit calldata permit
    ) external nonReentrant returns (bytes32 id) {
        _checkCallerIsPayer(channel);
        id = _open(channel, amount);
        Intake.pullWithPermit(channel.token, channel.payer, amount, permit);
    }

    /// @notice Opens a channel by the payer's ERC-3009 signature, whose nonce names the channel: anybody may hand it
    /// in, and whoever does can change nothing.
    function openWithAuthorization(
        Channel calldata channel,
        uint128 amount,
        Authorization calldata authorization
    ) external nonReentrant returns (bytes32 id) {
        id = _open(channel, amount);
        bytes32 nonce = authorizationNonce(id, authorization.salt);
        Intake.pullWithAuthorization(channel.token, channel.payer, amount, nonce, authorization);
    }

    /// @notice Adds the caller's approved tokens to an open session channel, whoever the caller is. They become the
    /// payer's.
    function topUp(Channel calldata channel, uint128 amount) external nonReentrant {
        _topUp(channel, msg.sender, amount);
        Intake.pull(channel.token, msg.sender, amount);
    }

    /// @notice The same with the caller's permit.
    function topUpWithPermit(Channel calldata channel, uint128 amount, Permit calldata permit) external nonReentrant {
        _topUp(channel, msg.sender, amount);
        Intake.pullWithPermit(channel.token, msg.sender, amount, permit);
    }

    /// @notice The same with the payer's ERC-3009 signature, handed in by anybody.
    function topUpWithAuthorization(
        Channel calldata channel,
        uint128 amount,
        Authorization calldata authorization
    ) external nonReentrant {
        bytes32 id = _topUp(channel, channel.payer, amount);
        bytes32 nonce = authorizationNonce(id, authorization.salt);
        Intake.pullWithAuthorization(channel.token, channel.payer, amount, nonce, authorization);
    }

    // --- claim and settle ------------------------------------------------------------------------------------------

    /// @notice Credits vouchers: bookkeeping only, no token moves. A voucher that is stale, overdrawn, forged or of no
    /// channel is passed over with `ClaimSkipped`, and its neighbours are not disturbed. Anybody may claim session
    /// channels, since a voucher can only help its provider; a job, which ends with its first claim, only its provider.
    /// @dev Claims of one provider and token should stand together: each change costs two storage writes.
    /// @return accepted How many were credited.
    function claim(Claim[] calldata claims) external nonReentrant returns (uint256 accepted) {
        return _claimAll(claims, msg.sender, address(0), 0);
    }

    /// @notice The same on the signed order of a provider who cannot send transactions, against a fee for each accepted
    /// claim. The order names its claims exactly: a relay can neither leave one out nor put an older voucher in.
    function claimFor(
        Claim[] calldata claims,
        ClaimOrder calldata order,
        bytes calldata signature
    ) external nonReentrant returns (uint256 accepted) {
        // Check
        if (block.timestamp >= order.validBefore) revert OrderExpired(order.validBefore, block.timestamp);
        if (order.relay != address(0) && order.relay != msg.sender) revert RelayMismatch(order.relay, msg.sender);
        bytes32 actual = ChannelMessages.hashClaims(claims);
        if (order.claimsHash != actual) revert ClaimsMismatch(order.claimsHash, actual);
        Signatures.check(order.providerSigner, _hashTypedDataV4(ChannelMessages.hashClaimOrder(order)), signature);
        // Effect
        return _claimAll(claims, order.providerSigner, msg.sender, order.feePerClaim);
    }

    /// @notice Pays out everything `payee` is owed in `token`. Anybody may call; with nothing owed it does nothing.
    function settle(address token, address payee) external nonReentrant returns (uint256 amount) {
        // Check
        amount = owed[token][payee];
        if (amount == 0) return 0;
        // Effect
        owed[token][payee] = 0;
        emit Settled(token, payee, amount);
        // Interaction
        IERC20(token).safeTransfer(payee, amount);
    }

    // --- the ways out ----------------------------------------------------------------------------------------------

    /// @notice Ends a channel at once: the provider's signer agrees that `finalAmount` is all it gets. More than was
    /// claimed so far needs the payer's voucher for it; otherwise `payerSignature` may be empty. The rest goes home.
    function close(
        Channel calldata channel,
        uint128 finalAmount,
        bytes calldata payerSignature,
        bytes calldata providerSignature
    ) external nonReentrant {
        // Check
        (bytes32 id, ChannelState memory state) = _requireOpen(channel);
        if (finalAmount < state.claimed || finalAmount > state.balance) {
            revert FinalAmountOutOfRange(state.claimed, state.balance, finalAmount);
        }
        bytes32 digest = _hashTypedDataV4(ChannelMessages.hashClose(id, finalAmount));
        Signatures.check(channel.providerSigner, digest, providerSignature);
        // Effect
        if (finalAmount > state.claimed) {
            bytes32 voucher = _hashTypedDataV4(ChannelMessages.hashVoucher(id, finalAmount));
            Signatures.check(channel.payerSigner, voucher, payerSignature);
            _creditFinal(channel, id, state.claimed, finalAmount);
        }
        _end(channel, id, state.balance, finalAmount, Closing.Cooperative);
    }

    /// @notice Starts the clock of a session channel's withdrawal. There is no way back, so that a payer cannot keep a
    /// provider busy with announcements: vouchers stay claimable until the money has left, top-ups are refused.
    function announceWithdrawal(Channel calldata channel) external {
        // Check
        if (msg.sender != channel.payer && msg.sender != channel.payerSigner) {
            revert CallerNotPayerSide(channel.payer, channel.payerSigner, msg.sender);
        }
        _announce(channel);
    }

    /// @notice The same for a payer without gas: the payer's signer has signed, anybody hands it in.
    function announceWithdrawalFor(Channel calldata channel, bytes calldata signature) external {
        // Check
        bytes32 digest = _hashTypedDataV4(ChannelMessages.hashWithdrawal(channelId(channel)));
        Signatures.check(channel.payerSigner, digest, signature);
        _announce(channel);
    }

    /// @notice Sends what is unclaimed back to the payer, from the announced second on. Anybody may call.
    function withdraw(Channel calldata channel) external nonReentrant {
        // Check
        (bytes32 id, ChannelState memory state) = _requireOpen(channel);
        if (state.withdrawableAt == 0) revert WithdrawalNotAnnounced(id);
        if (block.timestamp < state.withdrawableAt) revert TooEarly(state.withdrawableAt, block.timestamp);
        // Effect, Interaction
        _end(channel, id, state.balance, state.claimed, Closing.Withdrawn);
    }

    /// @notice Sends an unpaid job's money back to the payer, from the second after the deadline on. Anybody may call.
    function refund(Channel calldata channel) external nonReentrant {
        // Check
        (bytes32 id, ChannelState memory state) = _requireOpen(channel);
        if (channel.deadline == 0) revert JobOnly(id);
        if (block.timestamp <= channel.deadline) revert TooEarly(uint256(channel.deadline) + 1, block.timestamp);
        // Effect, Interaction
        _end(channel, id, state.balance, state.claimed, Closing.JobRefunded);
    }

    // --- governance ------------------------------------------------------------------------------------------------

    /// @notice Sets the network's part, at most `SHARE_BPS_MAX`, for claims from now on.
    function setShare(uint16 shareBps_) external onlyScheduled {
        _setShare(shareBps_);
    }

    /// @notice Sets where the network's part of claims from now on goes.
    function setTreasury(address treasury_) external onlyScheduled {
        _setTreasury(treasury_);
    }

    // --- views -----------------------------------------------------------------------------------------------------

    /// @notice The state of a channel; all zero when it was never opened.
    function stateOf(bytes32 id) external view returns (ChannelState memory) {
        return _states[id];
    }

    /// @notice keccak256 of the eight fields, ABI-encoded.
    function channelId(Channel calldata channel) public pure returns (bytes32) {
        return ChannelMessages.hashChannel(channel);
    }

    /// @notice The ERC-3009 nonce that spends an authorization on this channel and on nothing else.
    function authorizationNonce(bytes32 id, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(id, salt));
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    function _open(Channel calldata channel, uint128 amount) private returns (bytes32 id) {
        // Check
        _checkTerms(channel);
        id = channelId(channel);
        ChannelState storage state = _states[id];
        if (state.balance != 0 || state.withdrawableAt != 0) revert ChannelExists(id);
        if (amount > BALANCE_MAX) revert BalanceTooLarge(BALANCE_MAX, amount);
        // Effect
        state.balance = uint104(amount);
        emit ChannelOpened(id, channel.payer, channel.provider, channel, amount);
    }

    function _topUp(Channel calldata channel, address from, uint128 amount) private returns (bytes32 id) {
        // Check
        ChannelState memory state;
        (id, state) = _requireOpen(channel);
        if (channel.deadline != 0) revert SessionOnly(id);
        if (state.withdrawableAt != 0) revert WithdrawalPending(id, state.withdrawableAt);
        uint256 balance = uint256(state.balance) + amount;
        if (balance > BALANCE_MAX) revert BalanceTooLarge(BALANCE_MAX, balance);
        // Effect
        _states[id].balance = uint104(balance);
        emit ToppedUp(id, from, amount, balance);
    }

    function _announce(Channel calldata channel) private {
        // Check
        (bytes32 id, ChannelState memory state) = _requireOpen(channel);
        if (channel.deadline != 0) revert SessionOnly(id);
        if (state.withdrawableAt != 0) revert WithdrawalPending(id, state.withdrawableAt);
        // Effect
        uint256 withdrawableAt = block.timestamp + channel.delay;
        _states[id].withdrawableAt = uint48(withdrawableAt);
        emit WithdrawalAnnounced(id, withdrawableAt);
    }

    /// @dev Freezes the channel at `claimed` and sends the rest to the payer.
    function _end(Channel calldata channel, bytes32 id, uint256 balance, uint256 claimed, Closing closing) private {
        // Effect
        uint256 rest = balance - claimed;
        _states[id] = ChannelState(uint104(claimed), uint104(claimed), CLOSED);
        emit ChannelClosed(id, closing, claimed, rest);
        // Interaction
        if (rest != 0) IERC20(channel.token).safeTransfer(channel.payer, rest);
    }

    function _creditFinal(Channel calldata channel, bytes32 id, uint256 former, uint256 claimed) private {
        uint256 treasuryPart = _treasuryPart(former, claimed, shareBps);
        owed[channel.token][channel.provider] += claimed - former - treasuryPart;
        owed[channel.token][treasury] += treasuryPart;
        emit Claimed(id, claimed, treasuryPart);
    }

    function _claimAll(
        Claim[] calldata claims,
        address actor,
        address relay,
        uint256 feePerClaim
    ) private returns (uint256) {
        // Check
        if (claims.length > BATCH_MAX) revert BatchTooLong(BATCH_MAX, claims.length);
        // Effect
        Batch memory batch;
        batch.domain = _domainSeparatorV4();
        (batch.treasury, batch.shareBps) = (treasury, shareBps);
        (batch.actor, batch.relay, batch.feePerClaim) = (actor, relay, feePerClaim);
        for (uint256 i = 0; i < claims.length; ++i) _claimOne(claims[i], batch);
        _flush(batch);
        return batch.accepted;
    }

    function _claimOne(Claim calldata given, Batch memory batch) private {
        Channel calldata channel = given.channel;
        bytes32 id = channelId(channel);
        uint256 cumulative = given.cumulativeAmount;
        ChannelState storage slot = _states[id];
        ChannelState memory state = slot;
        // Check
        Refusal refusal = _refusal(given, id, state, batch);
        if (refusal != Refusal.None) {
            emit ClaimSkipped(id, refusal, cumulative);
            return;
        }
        // Effect
        if (channel.token != batch.token || channel.provider != batch.provider) {
            _flush(batch);
            (batch.token, batch.provider) = (channel.token, channel.provider);
        }
        uint256 treasuryPart = _treasuryPart(state.claimed, cumulative, batch.shareBps);
        uint256 providerPart = cumulative - state.claimed - treasuryPart;
        uint256 fee = providerPart < batch.feePerClaim ? providerPart : batch.feePerClaim;
        batch.forTreasury += treasuryPart;
        batch.forProvider += providerPart - fee;
        batch.forRelay += fee;
        ++batch.accepted;
        emit Claimed(id, cumulative, treasuryPart);
        if (channel.deadline == 0) slot.claimed = uint104(cumulative);
        else _payJob(channel, id, state.balance, cumulative);
    }

    /// @dev A job ends with its first claim. What it did not cost is credited rather than sent, so that a payer whom
    /// the token refuses cannot stop the provider's batch.
    function _payJob(Channel calldata channel, bytes32 id, uint256 balance, uint256 cumulative) private {
        uint256 rest = balance - cumulative;
        _states[id] = ChannelState(uint104(cumulative), uint104(cumulative), CLOSED);
        if (rest != 0) owed[channel.token][channel.payer] += rest;
        emit ChannelClosed(id, Closing.JobPaid, cumulative, rest);
    }

    /// @dev Writes the waiting sums.
    function _flush(Batch memory batch) private {
        mapping(address payee => uint256 amount) storage credit = owed[batch.token];
        if (batch.forProvider != 0) credit[batch.provider] += batch.forProvider;
        if (batch.forTreasury != 0) credit[batch.treasury] += batch.forTreasury;
        if (batch.forRelay != 0) {
            credit[batch.relay] += batch.forRelay;
            emit RelayPaid(batch.relay, batch.provider, batch.token, batch.forRelay);
        }
        (batch.forProvider, batch.forTreasury, batch.forRelay) = (0, 0, 0);
    }

    /// @dev Why a claim is passed over; the signature, being dear, comes last.
    function _refusal(
        Claim calldata given,
        bytes32 id,
        ChannelState memory state,
        Batch memory batch
    ) private view returns (Refusal) {
        Channel calldata channel = given.channel;
        uint256 cumulative = given.cumulativeAmount;
        if (state.withdrawableAt == CLOSED) return Refusal.ChannelClosed;
        if (state.balance == 0) return Refusal.ChannelMissing;
        if (cumulative <= state.claimed) return Refusal.Stale;
        if (cumulative > state.balance) return Refusal.Overdrawn;
        if (channel.deadline != 0) {
            if (block.timestamp > channel.deadline) return Refusal.DeadlinePassed;
            if (batch.actor != channel.providerSigner && batch.actor != channel.provider) return Refusal.NotProvider;
        }
        if (batch.relay != address(0) && batch.actor != channel.providerSigner) return Refusal.NotProvider;
        bytes32 digest = MessageHashUtils.toTypedDataHash(
            batch.domain,
            ChannelMessages.hashVoucher(id, given.cumulativeAmount)
        );
        if (!Signatures.isFrom(channel.payerSigner, digest, given.signature)) return Refusal.BadSignature;
        return Refusal.None;
    }

    function _requireOpen(Channel calldata channel) private view returns (bytes32 id, ChannelState memory state) {
        id = channelId(channel);
        state = _states[id];
        if (state.withdrawableAt == CLOSED) revert ChannelAlreadyClosed(id);
        if (state.balance == 0) revert ChannelMissing(id);
    }

    function _checkCallerIsPayer(Channel calldata channel) private view {
        if (msg.sender != channel.payer) revert CallerNotPayer(channel.payer, msg.sender);
    }

    function _checkTerms(Channel calldata channel) private view {
        if (
            channel.payer == address(0) ||
            channel.payerSigner == address(0) ||
            channel.provider == address(0) ||
            channel.providerSigner == address(0)
        ) revert PartyMissing(channel.payer, channel.payerSigner, channel.provider, channel.providerSigner);
        if (channel.provider == address(this)) revert PartyIsContractItself(address(this));
        if ((channel.delay == 0) == (channel.deadline == 0)) revert ModeUnclear(channel.delay, channel.deadline);
        if (channel.deadline == 0) {
            if (channel.delay < DELAY_MIN || channel.delay > DELAY_MAX) {
                revert DelayOutOfRange(DELAY_MIN, DELAY_MAX, channel.delay);
            }
            return;
        }
        (uint256 earliest, uint256 latest) = (block.timestamp + 1, block.timestamp + JOB_DURATION_MAX);
        if (channel.deadline < earliest || channel.deadline > latest) {
            revert DeadlineOutOfRange(earliest, latest, channel.deadline);
        }
    }

    /// @dev The treasury's part of a channel's total is floor(total * share); of a claim, the difference of two such
    /// totals. So many small claims pay what one large claim pays, and what is not the treasury's is the provider's.
    function _treasuryPart(uint256 former, uint256 cumulative, uint256 share) private pure returns (uint256) {
        return (cumulative * share) / _BPS - (former * share) / _BPS;
    }

    function _setShare(uint16 shareBps_) private {
        if (shareBps_ > SHARE_BPS_MAX) revert ShareTooLarge(SHARE_BPS_MAX, shareBps_);
        shareBps = shareBps_;
        emit ShareSet(shareBps_);
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0) || treasury_ == address(this)) revert TreasuryInvalid(treasury_);
        treasury = treasury_;
        emit TreasurySet(treasury_);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MessageHashUtils} from '@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol';
import {ChannelMessages} from './ChannelMessages.sol';
import {Revenue} from './Revenue.sol';
import {Signatures} from './Signatures.sol';

/// @title Turning vouchers into credit, many at a time: bookkeeping only, no token moves.
abstract contract Claims is Revenue {
    /// @notice So that a batch in which every signer is a contract that burns all it is given still fits into the 2^24 gas
    /// of one transaction (EIP-7825).
    uint256 public constant BATCH_MAX = 100;
    /// @notice The `withdrawableAt` of a channel that has ended. It never begins again: use another salt.
    uint48 public constant CLOSED = type(uint48).max;

    mapping(bytes32 channelId => ChannelState state) internal _states;

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

    /// @notice Credits vouchers. One that is stale, overdrawn, forged or of no channel is passed over with
    /// `ClaimSkipped`, and its neighbours are not disturbed. Anybody may claim session channels, since a voucher can only
    /// help its provider; a job, which ends with its first claim, only its provider.
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
        bytes32 id = ChannelMessages.hashChannel(channel);
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
        bytes32 voucher = ChannelMessages.hashVoucher(id, given.cumulativeAmount);
        bytes32 digest = MessageHashUtils.toTypedDataHash(batch.domain, voucher);
        if (!Signatures.isFrom(channel.payerSigner, digest, given.signature)) return Refusal.BadSignature;
        return Refusal.None;
    }
}

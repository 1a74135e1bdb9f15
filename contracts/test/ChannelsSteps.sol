// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Authorization, Permit} from '../Intake.sol';
import {IChannels} from '../IChannels.sol';
import {ChannelsWalk} from './ChannelsWalk.sol';

/// @title What several steps of the walk share: leaving, and what is signed for a step.
abstract contract ChannelsSteps is ChannelsWalk {
    function _withdraw(uint256 which) internal {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        bool fits = _isOpen(model) && model.withdrawableAt != 0 && present() >= model.withdrawableAt;
        fits = fits && (model.balance == model.claimed || _moves(channel.token, payer));
        if (!_did(fits, abi.encodeCall(channels.withdraw, (channel)), 'withdraw')) return;
        _ended(channel, model, model.claimed);
    }

    function _announce(uint256 which, address caller) internal {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        bool fits = _isOpen(model) && channel.deadline == 0 && model.withdrawableAt == 0;
        fits = fits && (caller == payer || caller == channel.payerSigner);
        vm.prank(caller);
        if (!_did(fits, abi.encodeCall(channels.announceWithdrawal, (channel)), 'announce')) return;
        model.withdrawableAt = present() + channel.delay;
    }

    function _changedOrder(
        IChannels.Claim[] memory list,
        IChannels.ClaimOrder memory order,
        bytes memory signature,
        uint256 change
    ) internal view returns (bytes memory) {
        // As signed, but handed in by a stranger rather than by the relay it names.
        if (change == 0) return abi.encodeCall(channels.claimFor, (list, order, signature));
        IChannels.ClaimOrder memory changed = IChannels.ClaimOrder(
            order.providerSigner,
            stranger,
            order.feePerClaim,
            order.validBefore,
            order.claimsHash
        );
        // Another relay, or a good order of that relay's with the fee raised, too late, or for another list.
        if (change == 1) return abi.encodeCall(channels.claimFor, (list, changed, signature));
        if (change == 3) changed.validBefore = uint48(present());
        signature = orderSignature(TAB_KEY, changed);
        if (change == 2) ++changed.feePerClaim;
        if (change == 4) list = one(claimOf(_pick(uint256(order.claimsHash)), 1 << 100));
        return abi.encodeCall(channels.claimFor, (list, changed, signature));
    }

    function _permit(uint256 amount) internal view returns (Permit memory) {
        return permit(PAYER_KEY, address(channels), amount);
    }

    function _authorize(IChannels.Channel memory channel, uint256 amount) internal returns (Authorization memory) {
        return _authorize(channel, amount, unsponsored());
    }

    function _authorize(
        IChannels.Channel memory channel,
        uint256 amount,
        IChannels.Sponsorship memory sponsorship
    ) internal returns (Authorization memory) {
        return authorization(channel, amount, bytes32(++salts), sponsorship);
    }

    /// @dev Nobody, or the relay or whoever sends against a fee, now and then too large.
    function _sponsorship(uint256 seed) internal pure returns (IChannels.Sponsorship memory) {
        if (seed % 3 == 0) return unsponsored();
        return
            IChannels.Sponsorship(seed % 3 == 1 ? RELAY : address(0), uint96(within(seed >> 8, 0, 1 << (seed % 61))));
    }
}

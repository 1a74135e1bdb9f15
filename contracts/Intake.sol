// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {IERC20Permit} from '@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {IReceiveWithAuthorization} from './tokens/IReceiveWithAuthorization.sol';

/// @notice An ERC-2612 signature, as the token wants it.
struct Permit {
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice An ERC-3009 signature. Its nonce is not here: the receiving contract derives it from what the money is for
/// and from `salt`, so that a signed authorization can be spent on nothing else.
struct Authorization {
    uint256 validAfter;
    uint256 validBefore;
    bytes32 salt;
    bytes signature;
}

/// @title The three ways money comes in; what arrives is measured, not believed.
/// @dev `check` belongs to the caller's checks; the pulls are interactions, and end by measuring.
library Intake {
    using SafeERC20 for IERC20;

    error AmountZero();
    error TokenWithoutCode(address token);
    error TransferMismatch(uint256 expected, uint256 received);

    /// @notice Reverts unless there is an amount, and a token to take it in: a call to no code would succeed.
    function check(address token, uint256 amount) internal view {
        if (amount == 0) revert AmountZero();
        if (token.code.length == 0) revert TokenWithoutCode(token);
    }

    /// @notice Takes `amount` from `from`, who has approved it.
    /// @dev A token that keeps a fee, rebases on the way or lies is refused by the difference of balances.
    function pull(address token, address from, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(from, address(this), amount);
        _checkReceived(token, before, amount);
    }

    /// @notice Uses a permit, then takes the money. A permit that somebody else handed in first has done its work
    /// already, so its failure is not ours: the transfer decides.
    function pullWithPermit(address token, address from, uint256 amount, Permit calldata permit) internal {
        // solhint-disable no-empty-blocks
        try
            IERC20Permit(token).permit(from, address(this), amount, permit.deadline, permit.v, permit.r, permit.s)
        {} catch {}
        // solhint-enable no-empty-blocks
        pull(token, from, amount);
    }

    /// @notice Takes the money by a signed authorization that only this contract can hand in.
    function pullWithAuthorization(
        address token,
        address from,
        uint256 amount,
        bytes32 nonce,
        Authorization calldata authorization
    ) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        _receive(token, from, amount, nonce, authorization);
        _checkReceived(token, before, amount);
    }

    /// @dev Every token of the standard knows (v, r, s); only newer ones know bytes, which contract wallets need.
    function _receive(
        address token,
        address from,
        uint256 amount,
        bytes32 nonce,
        Authorization calldata given
    ) private {
        bytes calldata signature = given.signature;
        (uint256 start, uint256 end) = (given.validAfter, given.validBefore);
        IReceiveWithAuthorization receiver = IReceiveWithAuthorization(token);
        if (signature.length != 65) {
            receiver.receiveWithAuthorization(from, address(this), amount, start, end, nonce, signature);
            return;
        }
        (bytes32 r, bytes32 s) = (bytes32(signature[0:32]), bytes32(signature[32:64]));
        receiver.receiveWithAuthorization(from, address(this), amount, start, end, nonce, uint8(signature[64]), r, s);
    }

    /// @dev A balance that fell during a deposit counts as nothing received.
    function _checkReceived(address token, uint256 before, uint256 amount) private view {
        uint256 current = IERC20(token).balanceOf(address(this));
        uint256 received = current > before ? current - before : 0;
        if (received != amount) revert TransferMismatch(amount, received);
    }
}

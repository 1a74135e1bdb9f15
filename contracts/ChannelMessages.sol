// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';

/// @title What is hashed and signed around a channel: five messages, each with a type of its own.
library ChannelMessages {
    bytes32 internal constant VOUCHER = keccak256('Voucher(bytes32 channelId,uint128 cumulativeAmount)');
    bytes32 internal constant CLOSE = keccak256('Close(bytes32 channelId,uint128 finalAmount)');
    bytes32 internal constant WITHDRAWAL = keccak256('Withdrawal(bytes32 channelId,address sponsor,uint96 fee)');
    bytes32 internal constant CLAIM_ORDER = keccak256(
        'ClaimOrder(address providerSigner,address relay,uint128 feePerClaim,uint48 validBefore,bytes32 claimsHash)'
    );
    bytes32 internal constant SETTLE_ORDER = keccak256(
        'SettleOrder(address payee,address token,address sponsor,uint96 fee,uint128 payeeMin,uint48 validBefore,uint256 nonce)'
    );

    function hashVoucher(bytes32 channelId, uint128 cumulativeAmount) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOUCHER, channelId, cumulativeAmount));
    }

    function hashClose(bytes32 channelId, uint128 finalAmount) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSE, channelId, finalAmount));
    }

    function hashWithdrawal(
        bytes32 channelId,
        IChannels.Sponsorship calldata sponsorship
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(WITHDRAWAL, channelId, sponsorship));
    }

    function hashSettleOrder(IChannels.SettleOrder calldata order) internal pure returns (bytes32) {
        return keccak256(abi.encode(SETTLE_ORDER, order));
    }

    function hashClaimOrder(IChannels.ClaimOrder calldata order) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLAIM_ORDER, order));
    }

    /// @notice keccak256(abi.encode(channel)).
    /// @dev Copied rather than encoded, because encoding checks eight fields that the hash itself already fixes: a
    /// field with dirt above its width hashes to a channel that was never opened.
    function hashChannel(IChannels.Channel calldata channel) internal pure returns (bytes32 id) {
        assembly ('memory-safe') {
            let free := mload(0x40)
            calldatacopy(free, channel, 0x100)
            id := keccak256(free, 0x100)
        }
    }

    /// @notice keccak256 of (channelId, cumulativeAmount) of each claim, 64 bytes each.
    function hashClaims(IChannels.Claim[] calldata claims) internal pure returns (bytes32) {
        bytes32[] memory words = new bytes32[](2 * claims.length);
        for (uint256 i = 0; i < claims.length; ++i) {
            words[2 * i] = hashChannel(claims[i].channel);
            words[2 * i + 1] = bytes32(uint256(claims[i].cumulativeAmount));
        }
        return keccak256(abi.encodePacked(words));
    }
}

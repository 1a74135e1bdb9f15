// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from '@openzeppelin/contracts/utils/cryptography/ECDSA.sol';
import {IERC1271} from '@openzeppelin/contracts/interfaces/IERC1271.sol';

/// @title Who signed this? Keys and contract wallets alike, without letting either hurt a batch.
/// @dev Differs from OpenZeppelin's SignatureChecker in two ways. A key is tried first, which spares a key's claim
/// the 2,600 gas of asking whether it is a contract, and is right for delegated accounts (EIP-7702) too. And a contract
/// wallet gets a limited amount of gas and may return what it likes: it can refuse itself, never its neighbours.
library Signatures {
    /// @notice Enough for a wallet of ten keys, or for a passkey where the chain itself checks P-256 (EIP-7951). What a
    /// hostile wallet can burn of a batch is this, for each of its entries.
    uint256 internal constant WALLET_GAS_MAX = 100_000;

    error InvalidSignature(address expected);

    /// @notice True when `signer` signed `digest`: 65 bytes with a low s for keys, anything for contract wallets.
    function isFrom(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError problem, ) = ECDSA.tryRecoverCalldata(digest, signature);
        if (problem == ECDSA.RecoverError.NoError && recovered == signer) return true;
        if (signer.code.length == 0) return false;
        return _walletAccepts(signer, digest, signature);
    }

    /// @notice Reverts with `InvalidSignature` unless `signer` signed `digest`.
    function check(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!isFrom(signer, digest, signature)) revert InvalidSignature(signer);
    }

    function _walletAccepts(address wallet, bytes32 digest, bytes calldata signature) private view returns (bool yes) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 magic = bytes32(IERC1271.isValidSignature.selector);
        // Assembly, because a high-level call copies the whole answer: a wallet could answer with megabytes.
        assembly ('memory-safe') {
            let done := staticcall(WALLET_GAS_MAX, wallet, add(question, 0x20), mload(question), 0x00, 0x20)
            yes := and(and(done, gt(returndatasize(), 0x1f)), eq(mload(0x00), magic))
        }
    }
}

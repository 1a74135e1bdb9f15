// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from '../IChannels.sol';
import {ChannelsFixture} from './ChannelsFixture.sol';

/// @title Signatures that are nearly right, one flaw each.
abstract contract Forgeries is ChannelsFixture {
    uint256 internal constant FLAWS = 9;
    uint256 private constant _CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    /// @dev A voucher by the right key but for another channel, amount, chain, contract or message; by another key; with
    /// a high s; cut short; or with a byte too many, which a contract wallet may let pass and a key may not.
    function flawedVoucher(
        IChannels.Channel memory channel,
        uint128 amount,
        uint256 flaw
    ) internal view returns (bytes memory) {
        bytes32 id = idOf(channel);
        bytes32 structHash = voucherHash(id, amount);
        if (flaw == 0) return signed(SESSION_KEY, ours(voucherHash(keccak256(abi.encode(id)), amount)));
        if (flaw == 1) return voucher(channel, amount + 1);
        if (flaw == 2) return signed(SESSION_KEY, typed(domainOf(8453, address(channels)), structHash));
        if (flaw == 3) return signed(SESSION_KEY, typed(domainOf(block.chainid, address(0x7717)), structHash));
        if (flaw == 4) return closeSignature(SESSION_KEY, id, amount);
        if (flaw == 5) return signed(STRANGER_KEY, ours(structHash));
        if (flaw == 6) return highS(SESSION_KEY, ours(structHash));
        (bytes32 r, bytes32 s, uint8 v) = split(voucher(channel, amount));
        return flaw == 7 ? abi.encodePacked(r, s) : abi.encodePacked(r, s, v, uint8(0));
    }

    /// @dev A close agreed by the right key but for another amount, chain, contract or message; by another key; high s.
    function flawedClose(bytes32 id, uint128 amount, uint256 flaw) internal view returns (bytes memory) {
        bytes32 kind = keccak256('Close(bytes32 channelId,uint128 finalAmount)');
        bytes32 structHash = keccak256(abi.encode(kind, id, amount));
        if (flaw == 0) return closeSignature(TAB_KEY, id, amount + 1);
        if (flaw == 1) return signed(TAB_KEY, typed(domainOf(8453, address(channels)), structHash));
        if (flaw == 2) return signed(TAB_KEY, typed(domainOf(block.chainid, address(0x7717)), structHash));
        if (flaw == 3) return signed(TAB_KEY, ours(voucherHash(id, amount)));
        if (flaw == 4) return closeSignature(STRANGER_KEY, id, amount);
        return highS(TAB_KEY, ours(structHash));
    }

    /// @dev The other signature that every signature implies.
    function highS(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 s, uint8 v) = split(signed(key, digest));
        return abi.encodePacked(r, bytes32(_CURVE_ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    }

    function split(bytes memory signature) internal pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ('memory-safe') {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }
}

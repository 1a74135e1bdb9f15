// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from '@openzeppelin/contracts/interfaces/IERC1271.sol';
import {ECDSA} from '@openzeppelin/contracts/utils/cryptography/ECDSA.sol';
import {Vm} from './Vm.sol';

/// @title A contract wallet (ERC-1271) in several moods. Its signatures are a key's, with any bytes behind.
contract Wallet is IERC1271 {
    enum Mood {
        Honest,
        Refusing,
        Reverting,
        BurningGas,
        Megabytes,
        ShortAnswer,
        AlmostMagic
    }

    Vm private constant _VM = Vm(address(uint160(uint256(keccak256('hevm cheat code')))));

    address public immutable owner;
    Mood public immutable mood;

    constructor(uint256 key, Mood mood_) {
        owner = _VM.addr(key);
        mood = mood_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (mood == Mood.Refusing) return 0xffffffff;
        if (mood == Mood.Reverting) revert('no');
        if (mood == Mood.BurningGas) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.Megabytes) {
            assembly {
                mstore(0, 0x1626ba7e00000000000000000000000000000000000000000000000000000001)
                return(0, 20000)
            }
        }
        if (mood == Mood.ShortAnswer) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        if (mood == Mood.AlmostMagic) return 0x1626ba7f;
        (address signer, ECDSA.RecoverError problem, ) = ECDSA.tryRecover(digest, bytes(signature[:65]));
        return problem == ECDSA.RecoverError.NoError && signer == owner ? this.isValidSignature.selector : bytes4(0);
    }
}

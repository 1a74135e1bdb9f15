// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from './Vm.sol';

/// @title Assertions that say what they wanted, and the runner's cheat codes.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256('hevm cheat code')))));

    error NotEqual(string what, uint256 expected, uint256 actual);
    error NotSame(string what, address expected, address actual);
    error NotTrue(string what);

    function assertEq(uint256 expected, uint256 actual, string memory what) internal pure {
        if (expected != actual) revert NotEqual(what, expected, actual);
    }

    function assertEq(address expected, address actual, string memory what) internal pure {
        if (expected != actual) revert NotSame(what, expected, actual);
    }

    function assertEq(bytes32 expected, bytes32 actual, string memory what) internal pure {
        if (expected != actual) revert NotEqual(what, uint256(expected), uint256(actual));
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    /// @dev The present second. Asked of the runner, because the optimizer takes the block's own time for something that
    /// cannot change within one call, and moving time within one call is what these tests do.
    function present() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    /// @dev Folds any number into [low, high], both ends included.
    function within(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (high - low == type(uint256).max) return value;
        return low + (value % (high - low + 1));
    }
}

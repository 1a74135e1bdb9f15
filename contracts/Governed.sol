// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from '@openzeppelin/contracts/access/Ownable.sol';
import {Ownable2Step} from '@openzeppelin/contracts/access/Ownable2Step.sol';

/// @title Governance that must say it a week before it does it.
/// @notice The owner schedules a call of the contract to itself; after `NOTICE` anybody may execute it, and after
/// `GRACE` more it lapses. Nothing a user needs to get their money out depends on any of this.
abstract contract Governed is Ownable2Step {
    uint256 public constant NOTICE = 7 days;
    uint256 public constant GRACE = 14 days;

    /// @notice When a scheduled call may be executed, by the hash of its calldata; 0: not scheduled.
    mapping(bytes32 callHash => uint256 readyAt) public readyAt;

    event CallScheduled(bytes32 indexed callHash, bytes data, uint256 readyAt);
    event CallCancelled(bytes32 indexed callHash);
    event CallExecuted(bytes32 indexed callHash);

    error NotScheduled(bytes32 callHash);
    error AlreadyScheduled(bytes32 callHash, uint256 readyAt);
    error NotReady(uint256 earliest, uint256 current);
    error Lapsed(uint256 latest, uint256 current);
    error OnlyScheduled(address expected, address caller);
    error GovernanceRenounced();

    constructor(address governor) Ownable(governor) {}

    /// @dev For functions that only a scheduled call may reach.
    modifier onlyScheduled() {
        if (msg.sender != address(this)) revert OnlyScheduled(address(this), msg.sender);
        _;
    }

    /// @notice Announces a call. A lapsed one may be announced again.
    function schedule(bytes calldata data) external onlyOwner {
        // Check
        bytes32 callHash = keccak256(data);
        uint256 former = readyAt[callHash];
        if (former != 0 && block.timestamp <= former + GRACE) revert AlreadyScheduled(callHash, former);
        // Effect
        uint256 ready = block.timestamp + NOTICE;
        readyAt[callHash] = ready;
        emit CallScheduled(callHash, data, ready);
    }

    /// @notice Takes an announced call back.
    function cancel(bytes32 callHash) external onlyOwner {
        // Check
        if (readyAt[callHash] == 0) revert NotScheduled(callHash);
        // Effect
        delete readyAt[callHash];
        emit CallCancelled(callHash);
    }

    /// @notice Executes an announced call, once, from `readyAt` to `readyAt + GRACE` inclusive. Reverts as the call does.
    /// With ownership renounced nothing runs any more, not even what was announced before.
    function execute(bytes calldata data) external {
        // Check
        if (owner() == address(0)) revert GovernanceRenounced();
        bytes32 callHash = keccak256(data);
        uint256 ready = readyAt[callHash];
        if (ready == 0) revert NotScheduled(callHash);
        if (block.timestamp < ready) revert NotReady(ready, block.timestamp);
        if (block.timestamp > ready + GRACE) revert Lapsed(ready + GRACE, block.timestamp);
        // Effect
        delete readyAt[callHash];
        emit CallExecuted(callHash);
        // Interaction
        (bool done, bytes memory answer) = address(this).call(data);
        if (done) return;
        assembly ('memory-safe') {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}

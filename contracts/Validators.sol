// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Governed} from './Governed.sol';
import {IDisputes} from './IDisputes.sol';

/// @title Who may vote on disputes.
/// @notice Governance registers validators, and that is a power over every bond. So a validator votes only on disputes
/// opened once a bond could have left since the notice of its registration ended: a provider who distrusts it is gone.
abstract contract Validators is IDisputes, Governed {
    uint256 public constant VALIDATORS_MAX = 32;
    /// @notice As long as a bond takes to leave.
    uint256 public constant VALIDATOR_DELAY = 21 days;

    /// @notice How long one who was struck off stays off: until nothing opened in its time can be slashed for any more.
    /// Otherwise striking off and registering anew would take its vote on what runs.
    uint256 public constant VALIDATOR_REST = 30 days;

    uint256 public validatorCount;

    /// @notice A validator votes on disputes opened from this second on; 0: never registered.
    mapping(address validator => uint256 time) public validatorSince;
    /// @notice And on none opened from this second on; 0: not struck off.
    mapping(address validator => uint256 time) public validatorUntil;

    /// @notice Registers a validator.
    function addValidator(address validator) external onlyScheduled {
        // Check
        if (validator == address(0)) revert ValidatorInvalid(validator);
        uint256 until = validatorUntil[validator];
        if (validatorSince[validator] != 0 && until == 0) revert ValidatorUnchanged(validator);
        if (until != 0 && block.timestamp < until + VALIDATOR_REST) {
            revert ValidatorResting(until + VALIDATOR_REST, block.timestamp);
        }
        if (validatorCount == VALIDATORS_MAX) revert TooManyValidators(VALIDATORS_MAX);
        // Effect
        uint256 since = block.timestamp + VALIDATOR_DELAY;
        (validatorSince[validator], validatorUntil[validator]) = (since, 0);
        ++validatorCount;
        emit ValidatorAdded(validator, since);
    }

    /// @notice Strikes a validator off. Its verdicts stand, and on what was opened before it still votes: governance does
    /// not choose the judges of a dispute that runs.
    function removeValidator(address validator) external onlyScheduled {
        // Check
        if (validatorSince[validator] == 0 || validatorUntil[validator] != 0) revert ValidatorUnchanged(validator);
        // Effect
        validatorUntil[validator] = block.timestamp;
        --validatorCount;
        emit ValidatorRemoved(validator);
    }

    /// @dev Reverts unless `validator` may vote on a dispute opened at `openedAt`.
    function _checkValidator(address validator, uint256 openedAt) internal view {
        uint256 since = validatorSince[validator];
        if (since == 0) revert NotValidator(validator);
        if (openedAt < since) revert ValidatorTooNew(since, openedAt);
        uint256 until = validatorUntil[validator];
        if (until != 0 && openedAt >= until) revert NotValidator(validator);
    }
}

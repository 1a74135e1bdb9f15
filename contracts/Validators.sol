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

    uint256 public validatorCount;

    /// @notice A validator votes on disputes opened from this second on; 0: no validator.
    mapping(address validator => uint256 time) public validatorSince;

    /// @notice Registers a validator.
    function addValidator(address validator) external onlyScheduled {
        // Check
        if (validator == address(0)) revert ValidatorInvalid(validator);
        if (validatorSince[validator] != 0) revert ValidatorUnchanged(validator);
        if (validatorCount == VALIDATORS_MAX) revert TooManyValidators(VALIDATORS_MAX);
        // Effect
        uint256 since = block.timestamp + VALIDATOR_DELAY;
        validatorSince[validator] = since;
        ++validatorCount;
        emit ValidatorAdded(validator, since);
    }

    /// @notice Strikes a validator off. Verdicts already given stand.
    function removeValidator(address validator) external onlyScheduled {
        // Check
        if (validatorSince[validator] == 0) revert ValidatorUnchanged(validator);
        // Effect
        delete validatorSince[validator];
        --validatorCount;
        emit ValidatorRemoved(validator);
    }

    /// @dev Reverts unless `validator` may vote on a dispute opened at `openedAt`.
    function _checkValidator(address validator, uint256 openedAt) internal view {
        uint256 since = validatorSince[validator];
        if (since == 0) revert NotValidator(validator);
        if (openedAt < since) revert ValidatorTooNew(since, openedAt);
    }
}

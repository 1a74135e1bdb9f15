// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {Governed} from './Governed.sol';
import {BURN_ADDRESS, IProviders} from './IProviders.sol';
import {Authorization, Intake, Permit} from './Intake.sol';

/// @title Who stands behind an offer, and with how much.
/// @notice A provider bonds, describes itself by hashes, and takes its bond back after `UNBONDING` unless challenged.
/// Only the dispute contract can slash, and whichever contract that is, at least half of a slash is burned here. Another
/// dispute contract can be named only so far ahead that every provider who disagrees is gone by then.
contract Providers is IProviders, Governed, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Longer than any dispute: who cheats today cannot be gone tomorrow.
    uint256 public constant UNBONDING = 21 days;
    /// @notice A lock ends by itself after this, should the dispute contract never come back to it.
    uint256 public constant LOCK_MAX = 45 days;
    uint256 public constant STAKE_MAX = type(uint128).max;
    address public constant BURN = BURN_ADDRESS;

    /// @inheritdoc IProviders
    address public immutable token;
    /// @notice The dispute contract last named, and from when it is the one.
    address public nextDisputes;
    uint48 public nextDisputesAt;
    address private _formerDisputes;
    /// @notice The stake from which a provider counts as listed.
    uint128 public stakeMinimum;

    /// @inheritdoc IProviders
    /// @dev By who set it: a replaced dispute contract can still finish what it began, while its locks run.
    mapping(address locker => mapping(address provider => mapping(uint256 disputeId => uint256 until))) public lockOf;

    mapping(address provider => Provider record) private _providers;

    constructor(address governor, address token_, uint128 stakeMinimum_) Governed(governor) {
        if (token_.code.length == 0) revert Intake.TokenWithoutCode(token_);
        token = token_;
        _setStakeMinimum(stakeMinimum_);
    }

    /// @notice Adds the caller's approved tokens to its stake.
    function bond(uint128 amount) external nonReentrant {
        // Check, Effect
        _bond(msg.sender, amount);
        // Interaction
        Intake.pull(token, msg.sender, amount);
    }

    /// @notice The same with a permit.
    function bondWithPermit(uint128 amount, Permit calldata permit) external nonReentrant {
        // Check, Effect
        _bond(msg.sender, amount);
        // Interaction
        Intake.pullWithPermit(token, msg.sender, amount, permit);
    }

    /// @notice The same by the provider's ERC-3009 signature, handed in by anybody.
    function bondWithAuthorization(
        address provider,
        uint128 amount,
        Authorization calldata authorization
    ) external nonReentrant {
        // Check, Effect
        _bond(provider, amount);
        // Interaction
        bytes32 nonce = authorizationNonce(provider, authorization.salt);
        Intake.pullWithAuthorization(token, provider, amount, nonce, authorization);
    }

    /// @notice Starts the way out for `amount` of the caller's stake. Whatever is already unbonding starts anew. A
    /// challenge does not keep anybody from setting out: what unbonds stays slashable, and stays here until it is over.
    function unbond(uint128 amount) external {
        // Check
        Provider storage record = _providers[msg.sender];
        if (amount == 0) revert Intake.AmountZero();
        if (amount > record.stake) revert StakeTooSmall(record.stake, amount);
        // Effect
        uint256 unbondedAt = block.timestamp + UNBONDING;
        record.stake -= amount;
        record.unbonding += amount;
        record.unbondedAt = uint48(unbondedAt);
        emit UnbondingStarted(msg.sender, amount, unbondedAt);
    }

    /// @notice Sends a provider what has finished unbonding. Anybody may call.
    function withdrawBond(address provider) external nonReentrant returns (uint256 amount) {
        // Check
        Provider storage record = _providers[provider];
        amount = record.unbonding;
        if (amount == 0) revert NothingUnbonding();
        if (record.locks != 0 && block.timestamp < record.lockedUntil) {
            revert StakeLocked(record.lockedUntil, block.timestamp);
        }
        if (block.timestamp < record.unbondedAt) revert UnbondingNotOver(record.unbondedAt, block.timestamp);
        // Effect
        (record.unbonding, record.unbondedAt) = (0, 0);
        emit Unbonded(provider, amount);
        // Interaction
        IERC20(token).safeTransfer(provider, amount);
    }

    /// @notice Says which key signs the caller's offers and what they must hash to.
    function describe(bytes32 offerKey, bytes32 metadataHash, bytes32 pricesHash) external {
        // Check
        if (offerKey == 0) revert OfferKeyMissing();
        // Effect
        Provider storage record = _providers[msg.sender];
        (record.offerKey, record.metadataHash, record.pricesHash) = (offerKey, metadataHash, pricesHash);
        emit Described(msg.sender, offerKey, metadataHash, pricesHash);
    }

    /// @inheritdoc IProviders
    function lock(address provider, uint256 disputeId, uint48 until) external {
        // Check
        address expected = disputes();
        if (msg.sender != expected) revert CallerNotDisputes(expected, msg.sender);
        if (until <= block.timestamp) revert LockOver(until, block.timestamp);
        if (until > block.timestamp + LOCK_MAX) revert LockTooLong(block.timestamp + LOCK_MAX, until);
        if (lockOf[msg.sender][provider][disputeId] != 0) revert AlreadyLocked(msg.sender, provider, disputeId);
        if (lockable(provider) == 0) revert NothingToLock(provider);
        // Effect
        Provider storage record = _providers[provider];
        if (until > record.lockedUntil) record.lockedUntil = until;
        ++record.locks;
        lockOf[msg.sender][provider][disputeId] = until;
        emit Locked(provider, msg.sender, disputeId, until);
    }

    /// @inheritdoc IProviders
    function unlock(address provider, uint256 disputeId) external {
        // Check
        _requireLock(msg.sender, provider, disputeId);
        // Effect
        _unlock(msg.sender, provider, disputeId);
    }

    /// @inheritdoc IProviders
    function release(address locker, address provider, uint256 disputeId) external {
        // Check
        uint256 until = _requireLock(locker, provider, disputeId);
        if (block.timestamp < until) revert LockRunning(until, block.timestamp);
        // Effect
        _unlock(locker, provider, disputeId);
    }

    /// @inheritdoc IProviders
    function slash(
        address provider,
        uint256 disputeId,
        uint256 amount
    ) external nonReentrant returns (uint256 awarded) {
        // Check
        uint256 until = _requireLock(msg.sender, provider, disputeId);
        if (block.timestamp >= until) revert LockOver(until, block.timestamp);
        Provider storage record = _providers[provider];
        uint256 maximum = _total(record);
        if (amount > maximum) revert SlashAboveStake(maximum, amount);
        // Effect
        uint256 fromStake = amount < record.stake ? amount : record.stake;
        record.stake -= uint128(fromStake);
        record.unbonding -= uint128(amount - fromStake);
        awarded = amount / 2;
        emit Slashed(provider, amount - awarded, awarded);
        // Interaction
        IERC20(token).safeTransfer(BURN, amount - awarded);
        IERC20(token).safeTransfer(msg.sender, awarded);
    }

    /// @notice Names the contract that may lock and slash. It may do so only once a bond could have left since the
    /// notice of this call ended: whoever distrusts it has had the notice to set out and `UNBONDING` to arrive. Zero, for
    /// nobody, counts at once. Never the registry itself: then governance could lock and slash by a scheduled call.
    function setDisputes(address disputes_) external onlyScheduled {
        // Check
        if (disputes_ == address(this)) revert DisputesInvalid(disputes_);
        // Effect
        _formerDisputes = disputes();
        uint256 effectiveAt = disputes_ == address(0) ? block.timestamp : block.timestamp + UNBONDING;
        (nextDisputes, nextDisputesAt) = (disputes_, uint48(effectiveAt));
        emit DisputesSet(disputes_, effectiveAt);
    }

    /// @notice Sets the stake from which a provider counts as listed.
    function setStakeMinimum(uint128 stakeMinimum_) external onlyScheduled {
        _setStakeMinimum(stakeMinimum_);
    }

    /// @notice A provider's record; all zero when it never bonded nor described itself.
    function providerOf(address provider) external view returns (Provider memory) {
        return _providers[provider];
    }

    /// @notice Bonded enough and described: fit to be shown as verified, as far as a registry can say.
    function isListed(address provider) external view returns (bool) {
        Provider storage record = _providers[provider];
        return record.offerKey != 0 && record.stake >= stakeMinimum;
    }

    /// @inheritdoc IProviders
    function slashable(address provider, address locker, uint256 disputeId) external view returns (uint256) {
        return block.timestamp < lockOf[locker][provider][disputeId] ? _total(_providers[provider]) : 0;
    }

    /// @inheritdoc IProviders
    function lockable(address provider) public view returns (uint256) {
        Provider storage record = _providers[provider];
        return record.stake == 0 && block.timestamp >= record.unbondedAt ? 0 : _total(record);
    }

    /// @notice The only contract that may lock and slash now; zero (nobody) until governance says otherwise.
    function disputes() public view returns (address) {
        return block.timestamp < nextDisputesAt ? _formerDisputes : nextDisputes;
    }

    /// @notice The ERC-3009 nonce that spends an authorization on this provider's bond and on nothing else.
    function authorizationNonce(address provider, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(provider, salt));
    }

    function _bond(address provider, uint128 amount) private {
        // Check
        Intake.check(token, amount);
        Provider storage record = _providers[provider];
        uint256 total = _total(record) + amount;
        if (total > STAKE_MAX) revert StakeTooLarge(STAKE_MAX, total);
        // Effect
        record.stake += amount;
        emit Bonded(provider, amount, record.stake);
    }

    function _unlock(address locker, address provider, uint256 disputeId) private {
        delete lockOf[locker][provider][disputeId];
        --_providers[provider].locks;
        emit Unlocked(provider, locker, disputeId);
    }

    function _requireLock(address locker, address provider, uint256 disputeId) private view returns (uint256 until) {
        until = lockOf[locker][provider][disputeId];
        if (until == 0) revert NotLocked(locker, provider, disputeId);
    }

    function _total(Provider storage record) private view returns (uint256) {
        return uint256(record.stake) + record.unbonding;
    }

    function _setStakeMinimum(uint128 stakeMinimum_) private {
        stakeMinimum = stakeMinimum_;
        emit StakeMinimumSet(stakeMinimum_);
    }
}

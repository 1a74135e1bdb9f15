// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {Governed} from './Governed.sol';
import {IProviders} from './IProviders.sol';
import {Authorization, Intake, Permit} from './Intake.sol';

/// @title Who stands behind an offer, and with how much.
/// @notice A provider bonds, describes itself by hashes, and takes its bond back after `UNBONDING` unless challenged.
/// Only the dispute contract can slash, and whichever contract that is, at least half of a slash is burned here.
contract Providers is IProviders, Governed, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Longer than any dispute: who cheats today cannot be gone tomorrow.
    uint256 public constant UNBONDING = 21 days;
    /// @notice A lock ends by itself after this, should the dispute contract never come back to it.
    uint256 public constant LOCK_MAX = 45 days;
    uint256 public constant STAKE_MAX = type(uint128).max;
    /// @notice Where burned stake goes: nobody has this key.
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IProviders
    address public immutable token;
    /// @notice The only contract that may lock and slash; zero (nobody) until governance says otherwise.
    address public disputes;
    /// @notice The stake from which a provider counts as listed.
    uint128 public stakeMinimum;

    /// @notice Open locks by who set them: a replaced dispute contract can still finish what it began.
    mapping(address locker => mapping(address provider => uint256 count)) public locksOf;

    mapping(address provider => Provider record) private _providers;

    constructor(address governor, address token_, uint128 stakeMinimum_) Governed(governor) {
        if (token_.code.length == 0) revert Intake.TokenWithoutCode(token_);
        token = token_;
        _setStakeMinimum(stakeMinimum_);
    }

    /// @notice Adds the caller's approved tokens to its stake.
    function bond(uint128 amount) external nonReentrant {
        _bond(msg.sender, amount);
        Intake.pull(token, msg.sender, amount);
    }

    /// @notice The same with a permit.
    function bondWithPermit(uint128 amount, Permit calldata permit) external nonReentrant {
        _bond(msg.sender, amount);
        Intake.pullWithPermit(token, msg.sender, amount, permit);
    }

    /// @notice The same by the provider's ERC-3009 signature, handed in by anybody.
    function bondWithAuthorization(
        address provider,
        uint128 amount,
        Authorization calldata authorization
    ) external nonReentrant {
        _bond(provider, amount);
        bytes32 nonce = authorizationNonce(provider, authorization.salt);
        Intake.pullWithAuthorization(token, provider, amount, nonce, authorization);
    }

    /// @notice Starts the way out for `amount` of the caller's stake. Whatever is already unbonding starts anew.
    function unbond(uint128 amount) external {
        // Check
        Provider storage record = _providers[msg.sender];
        if (amount == 0) revert UnbondAmountZero();
        _checkUnlocked(record);
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
        _checkUnlocked(record);
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
    function lock(address provider, uint48 until) external {
        // Check
        if (msg.sender != disputes) revert CallerNotDisputes(disputes, msg.sender);
        if (until > block.timestamp + LOCK_MAX) revert LockTooLong(block.timestamp + LOCK_MAX, until);
        // Effect
        Provider storage record = _providers[provider];
        if (until > record.lockedUntil) record.lockedUntil = until;
        ++record.locks;
        ++locksOf[msg.sender][provider];
        emit Locked(provider, msg.sender, record.lockedUntil);
    }

    /// @inheritdoc IProviders
    function unlock(address provider) external {
        // Check
        _checkLocker(provider);
        // Effect
        --_providers[provider].locks;
        --locksOf[msg.sender][provider];
        emit Unlocked(provider, msg.sender);
    }

    /// @inheritdoc IProviders
    function slash(address provider, uint256 amount) external nonReentrant returns (uint256 awarded) {
        // Check
        _checkLocker(provider);
        Provider storage record = _providers[provider];
        uint256 maximum = slashable(provider);
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

    /// @notice Says which contract may lock and slash from now on; zero for none.
    function setDisputes(address disputes_) external onlyScheduled {
        disputes = disputes_;
        emit DisputesSet(disputes_);
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
    function slashable(address provider) public view returns (uint256) {
        Provider storage record = _providers[provider];
        return uint256(record.stake) + record.unbonding;
    }

    /// @notice The ERC-3009 nonce that spends an authorization on this provider's bond and on nothing else.
    function authorizationNonce(address provider, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(provider, salt));
    }

    function _bond(address provider, uint128 amount) private {
        // Check
        Provider storage record = _providers[provider];
        uint256 total = slashable(provider) + amount;
        if (total > STAKE_MAX) revert StakeTooLarge(STAKE_MAX, total);
        // Effect
        record.stake += amount;
        emit Bonded(provider, amount, record.stake);
    }

    function _checkUnlocked(Provider storage record) private view {
        if (record.locks != 0 && block.timestamp < record.lockedUntil) {
            revert StakeLocked(record.lockedUntil, block.timestamp);
        }
    }

    function _checkLocker(address provider) private view {
        if (locksOf[msg.sender][provider] == 0) revert NotLocked(msg.sender, provider);
    }

    function _setStakeMinimum(uint128 stakeMinimum_) private {
        stakeMinimum = stakeMinimum_;
        emit StakeMinimumSet(stakeMinimum_);
    }
}

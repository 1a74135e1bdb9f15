// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Where burned stake goes: nobody has this key.
address constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;

/// @title The nouns of the provider registry. Amounts in the smallest unit of the bond token, times in Unix seconds.
/// @notice Heartbeats, models and prices stay off chain; here are the stake and the hashes that offers must match.
interface IProviders {
    /// @param stake Bonded and counted.
    /// @param unbonding On its way out; still slashable.
    /// @param unbondedAt From when the unbonding part may be withdrawn; 0 when nothing unbonds.
    /// @param lockedUntil No stake leaves before this while a challenge is open, and none is locked after it.
    /// @param locks How many challenges are open.
    /// @param offerKey The peer's public key that signs its offers (Ed25519, 32 bytes). An offer names this address in
    /// return: the registry alone proves nothing about who holds the key.
    /// @param metadataHash SHA-256 of the provider's public description.
    /// @param pricesHash SHA-256 of its price list.
    struct Provider {
        uint128 stake;
        uint128 unbonding;
        uint48 unbondedAt;
        uint48 lockedUntil;
        uint32 locks;
        bytes32 offerKey;
        bytes32 metadataHash;
        bytes32 pricesHash;
    }

    event Bonded(address indexed provider, uint256 amount, uint256 stake);
    event UnbondingStarted(address indexed provider, uint256 amount, uint256 unbondedAt);
    event Unbonded(address indexed provider, uint256 amount);
    event Described(address indexed provider, bytes32 offerKey, bytes32 metadataHash, bytes32 pricesHash);
    event Locked(address indexed provider, address indexed locker, uint256 indexed disputeId, uint256 lockedUntil);
    event Unlocked(address indexed provider, address indexed locker, uint256 indexed disputeId);
    event Slashed(address indexed provider, uint256 burned, uint256 awarded);
    event DisputesSet(address disputes, uint256 effectiveAt);
    event StakeMinimumSet(uint256 stakeMinimum);

    error StakeTooLarge(uint256 maximum, uint256 given);
    error StakeTooSmall(uint256 available, uint256 given);
    error OfferKeyMissing();
    error StakeLocked(uint256 lockedUntil, uint256 current);
    error NothingUnbonding();
    error UnbondingNotOver(uint256 earliest, uint256 current);
    error CallerNotDisputes(address expected, address caller);
    error LockTooLong(uint256 latest, uint256 given);
    error NothingToLock(address provider);
    error LockOver(uint256 lockedUntil, uint256 current);
    error LockRunning(uint256 lockedUntil, uint256 current);
    error AlreadyLocked(address locker, address provider, uint256 disputeId);
    error NotLocked(address locker, address provider, uint256 disputeId);
    error DisputesInvalid(address given);
    error SlashAboveStake(uint256 maximum, uint256 given);

    /// @notice The token bonds are made in.
    function token() external view returns (address);

    /// @notice What a new challenge could reach: bonded and unbonding together, or nothing once all of it has finished
    /// unbonding. So whoever leaves is held by the challenges of its time, and by no later one.
    function lockable(address provider) external view returns (uint256);

    /// @notice Until when one dispute of `locker` holds a provider's stake; 0 when it does not, or no more.
    function lockOf(address locker, address provider, uint256 disputeId) external view returns (uint256 until);

    /// @notice What `locker` could slash by one of its disputes: bonded and unbonding together while that lock runs,
    /// otherwise nothing.
    function slashable(address provider, address locker, uint256 disputeId) external view returns (uint256);

    /// @notice Keeps a provider's stake where it is until `until` or `unlock`. Only the dispute contract.
    function lock(address provider, uint256 disputeId, uint48 until) external;

    /// @notice Takes one lock of the caller's back.
    function unlock(address provider, uint256 disputeId) external;

    /// @notice Takes away a lock that is over, whoever set it and whatever became of that contract. Anybody may call.
    function release(address locker, address provider, uint256 disputeId) external;

    /// @notice Takes `amount` of a stake while the caller's lock runs: half, rounded up, is burned; the rest goes to the caller.
    /// @return awarded What the caller received.
    function slash(address provider, uint256 disputeId, uint256 amount) external returns (uint256 awarded);
}

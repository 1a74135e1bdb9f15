// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {Math} from '@openzeppelin/contracts/utils/math/Math.sol';
import {EIP712} from '@openzeppelin/contracts/utils/cryptography/EIP712.sol';
import {ChannelMessages} from './ChannelMessages.sol';
import {ChannelTerms} from './ChannelTerms.sol';
import {Claims} from './Claims.sol';
import {Governed} from './Governed.sol';
import {Authorization, Intake, Permit} from './Intake.sol';
import {Revenue} from './Revenue.sol';
import {Signatures} from './Signatures.sol';

/// @title One-way payment channels: deposit once, sign by the chunk, claim in batches.
/// @notice SPEC.md tells the whole story. In short: `balance - claimed` is the payer's, `owed` is everybody else's, and
/// the two together are what the contract holds. There is no pause, and no function here asks governance for anything.
contract Channels is Claims, ChannelTerms {
    using SafeERC20 for IERC20;

    uint256 public constant BALANCE_MAX = type(uint104).max;
    /// @notice The payer's signer, a key in a browser, may promise a sponsor one part in so many of what is unclaimed. More
    /// would let a thief of that key pay the deposit to itself.
    uint256 public constant SIGNER_FEE_PART = 10;

    mapping(bytes32 channelId => Sponsorship sponsorship) private _sponsorships;

    constructor(
        address governor,
        address treasury_,
        uint16 shareBps_
    ) EIP712('Tabloom Channels', '1') Governed(governor) Revenue(treasury_, shareBps_) {}

    /// @notice Opens a channel with the caller's approved tokens. The caller is the payer.
    function open(Channel calldata channel, uint128 amount) external nonReentrant returns (bytes32 id) {
        // Check
        _checkCallerIsPayer(channel);
        // Check, Effect
        id = _open(channel, amount);
        // Interaction
        Intake.pull(channel.token, channel.payer, amount);
    }

    /// @notice The same with an ERC-2612 permit. A permit names no channel, hence again only the payer may call.
    function openWithPermit(
        Channel calldata channel,
        uint128 amount,
        Permit calldata permit
    ) external nonReentrant returns (bytes32 id) {
        // Check
        _checkCallerIsPayer(channel);
        // Check, Effect
        id = _open(channel, amount);
        // Interaction
        Intake.pullWithPermit(channel.token, channel.payer, amount, permit);
    }

    /// @notice Opens a channel by the payer's ERC-3009 signature, whose nonce names the channel: anybody may hand it
    /// in, and whoever does can change nothing. So does a fee for that, which is taken out of the deposit.
    function openWithAuthorization(
        Channel calldata channel,
        uint128 amount,
        Sponsorship calldata sponsorship,
        Authorization calldata authorization
    ) external nonReentrant returns (bytes32 id) {
        // Check, Effect
        id = _open(channel, _afterFee(amount, sponsorship.fee));
        _paySponsor(sponsorship.sponsor, channel.payer, channel.token, sponsorship.fee);
        // Interaction
        bytes32 nonce = authorizationNonce(id, authorization.salt, sponsorship);
        Intake.pullWithAuthorization(channel.token, channel.payer, amount, nonce, authorization);
    }

    /// @notice Adds the caller's approved tokens to an open session channel, whoever the caller is. They become the
    /// payer's.
    function topUp(Channel calldata channel, uint128 amount) external nonReentrant {
        // Check, Effect
        _topUp(channel, msg.sender, amount);
        // Interaction
        Intake.pull(channel.token, msg.sender, amount);
    }

    /// @notice The same with the caller's permit.
    function topUpWithPermit(Channel calldata channel, uint128 amount, Permit calldata permit) external nonReentrant {
        // Check, Effect
        _topUp(channel, msg.sender, amount);
        // Interaction
        Intake.pullWithPermit(channel.token, msg.sender, amount, permit);
    }

    /// @notice The same with the payer's ERC-3009 signature, handed in by anybody, for the fee signed with it.
    function topUpWithAuthorization(
        Channel calldata channel,
        uint128 amount,
        Sponsorship calldata sponsorship,
        Authorization calldata authorization
    ) external nonReentrant {
        // Check, Effect
        bytes32 id = _topUp(channel, channel.payer, _afterFee(amount, sponsorship.fee));
        _paySponsor(sponsorship.sponsor, channel.payer, channel.token, sponsorship.fee);
        // Interaction
        bytes32 nonce = authorizationNonce(id, authorization.salt, sponsorship);
        Intake.pullWithAuthorization(channel.token, channel.payer, amount, nonce, authorization);
    }

    /// @notice Ends a channel at once: the provider's signer agrees that `finalAmount` is all it gets. More than was
    /// claimed so far needs the payer's voucher for it, and in a job must not come after the deadline; otherwise
    /// `payerSignature` may be empty. The rest goes home.
    function close(
        Channel calldata channel,
        uint128 finalAmount,
        bytes calldata payerSignature,
        bytes calldata providerSignature
    ) external nonReentrant {
        // Check
        (bytes32 id, ChannelState memory state) = _requireOpen(channel);
        if (finalAmount < state.claimed || finalAmount > state.balance) {
            revert FinalAmountOutOfRange(state.claimed, state.balance, finalAmount);
        }
        bytes32 digest = _hashTypedDataV4(ChannelMessages.hashClose(id, finalAmount));
        Signatures.check(channel.providerSigner, digest, providerSignature);
        if (finalAmount > state.claimed) _checkFinalVoucher(channel, id, finalAmount, payerSignature);
        // Effect
        if (finalAmount > state.claimed) _credit(channel, id, state.claimed, finalAmount);
        // Effect, Interaction
        _end(channel, id, state, finalAmount, Closing.Cooperative);
    }

    /// @notice Starts the clock of a session channel's withdrawal. There is no way back, so that a payer cannot keep a
    /// provider busy with announcements: vouchers stay claimable until the money has left, top-ups are refused.
    function announceWithdrawal(Channel calldata channel) external {
        // Check
        if (msg.sender != channel.payer && msg.sender != channel.payerSigner) {
            revert CallerNotPayerSide(channel.payer, channel.payerSigner, msg.sender);
        }
        // Check, Effect
        _announce(channel);
    }

    /// @notice The same for a payer without gas: the payer or its signer has signed, anybody hands it in. The fee signed with
    /// it is paid when the money leaves, out of what is left then: were it taken now, a payer could have its friend take
    /// what a provider still holds vouchers for.
    function announceWithdrawalFor(
        Channel calldata channel,
        Sponsorship calldata sponsorship,
        bytes calldata signature
    ) external {
        // Check
        bytes32 id = channelId(channel);
        bytes32 digest = _hashTypedDataV4(ChannelMessages.hashWithdrawal(id, sponsorship));
        bool byPayer = Signatures.isFrom(channel.payer, digest, signature);
        if (!byPayer) Signatures.check(channel.payerSigner, digest, signature);
        // Check, Effect
        ChannelState memory state = _announce(channel);
        // Check
        uint256 fee = sponsorship.fee;
        if (fee == 0) return;
        uint256 maximum = state.balance - state.claimed;
        if (!byPayer) maximum /= SIGNER_FEE_PART;
        if (fee > maximum) revert FeeTooLarge(maximum, fee);
        // Effect
        address sponsor = sponsorship.sponsor == address(0) ? msg.sender : sponsorship.sponsor;
        _sponsorships[id] = Sponsorship(sponsor, sponsorship.fee);
        emit WithdrawalSponsored(id, sponsor, fee);
    }

    /// @notice Sends what is unclaimed back to the payer, from the announced second on. Anybody may call.
    function withdraw(Channel calldata channel) external nonReentrant {
        // Check
        (bytes32 id, ChannelState memory state) = _requireOpen(channel);
        if (state.withdrawableAt == 0) revert WithdrawalNotAnnounced(id);
        if (block.timestamp < state.withdrawableAt) revert TooEarly(state.withdrawableAt, block.timestamp);
        // Effect, Interaction
        _end(channel, id, state, state.claimed, Closing.Withdrawn);
    }

    /// @notice Sends an unpaid job's money back to the payer, from the second after the deadline on. Anybody may call.
    function refund(Channel calldata channel) external nonReentrant {
        // Check
        (bytes32 id, ChannelState memory state) = _requireOpen(channel);
        if (channel.deadline == 0) revert JobOnly(id);
        if (block.timestamp <= channel.deadline) revert TooEarly(uint256(channel.deadline) + 1, block.timestamp);
        // Effect, Interaction
        _end(channel, id, state, state.claimed, Closing.JobRefunded);
    }

    /// @notice The state of a channel; all zero when it was never opened.
    function stateOf(bytes32 id) external view returns (ChannelState memory) {
        return _states[id];
    }

    /// @notice Who is paid what when an announced withdrawal is made; all zero where nobody is.
    function sponsorshipOf(bytes32 id) external view returns (Sponsorship memory) {
        return _sponsorships[id];
    }

    /// @notice keccak256 of the eight fields, ABI-encoded.
    function channelId(Channel calldata channel) public pure returns (bytes32) {
        return ChannelMessages.hashChannel(channel);
    }

    /// @notice The ERC-3009 nonce that spends an authorization on this channel, for this fee, and on nothing else.
    function authorizationNonce(
        bytes32 id,
        bytes32 salt,
        Sponsorship calldata sponsorship
    ) public pure returns (bytes32) {
        return keccak256(abi.encode(id, salt, sponsorship));
    }

    function _open(Channel calldata channel, uint128 amount) private returns (bytes32 id) {
        // Check
        _checkTerms(channel);
        Intake.check(channel.token, amount);
        id = channelId(channel);
        ChannelState storage state = _states[id];
        if (state.balance != 0 || state.withdrawableAt != 0) revert ChannelExists(id);
        if (amount > BALANCE_MAX) revert BalanceTooLarge(BALANCE_MAX, amount);
        // Effect
        state.balance = uint104(amount);
        emit ChannelOpened(id, channel.payer, channel.provider, channel, amount);
    }

    function _topUp(Channel calldata channel, address from, uint128 amount) private returns (bytes32 id) {
        // Check
        ChannelState memory state;
        (id, state) = _requireOpen(channel);
        if (channel.deadline != 0) revert SessionOnly(id);
        if (state.withdrawableAt != 0) revert WithdrawalPending(id, state.withdrawableAt);
        Intake.check(channel.token, amount);
        uint256 balance = uint256(state.balance) + amount;
        if (balance > BALANCE_MAX) revert BalanceTooLarge(BALANCE_MAX, balance);
        // Effect
        _states[id].balance = uint104(balance);
        emit ToppedUp(id, from, amount, balance);
    }

    function _announce(Channel calldata channel) private returns (ChannelState memory state) {
        // Check
        bytes32 id;
        (id, state) = _requireOpen(channel);
        if (channel.deadline != 0) revert SessionOnly(id);
        if (state.withdrawableAt != 0) revert WithdrawalPending(id, state.withdrawableAt);
        // Effect
        uint256 withdrawableAt = block.timestamp + channel.delay;
        _states[id].withdrawableAt = uint48(withdrawableAt);
        emit WithdrawalAnnounced(id, withdrawableAt);
    }

    /// @dev Freezes the channel at `claimed` and sends the rest to the payer, less what it promised to whoever announced its
    /// withdrawal.
    function _end(
        Channel calldata channel,
        bytes32 id,
        ChannelState memory state,
        uint256 claimed,
        Closing closing
    ) private {
        // Effect
        uint256 rest = state.balance - claimed;
        _states[id] = ChannelState(uint104(claimed), uint104(claimed), CLOSED);
        if (state.withdrawableAt != 0) {
            Sponsorship memory sponsorship = _sponsorships[id];
            uint256 fee = Math.min(sponsorship.fee, rest);
            rest -= fee;
            _paySponsor(sponsorship.sponsor, channel.payer, channel.token, fee);
        }
        emit ChannelClosed(id, closing, claimed, rest);
        // Interaction
        if (rest != 0) IERC20(channel.token).safeTransfer(channel.payer, rest);
    }

    function _afterFee(uint128 amount, uint96 fee) private pure returns (uint128) {
        if (fee > amount) revert FeeTooLarge(amount, fee);
        return amount - fee;
    }

    function _requireOpen(Channel calldata channel) private view returns (bytes32 id, ChannelState memory state) {
        id = channelId(channel);
        state = _states[id];
        if (state.withdrawableAt == CLOSED) revert ChannelAlreadyClosed(id);
        if (state.balance == 0) revert ChannelMissing(id);
    }

    /// @dev What a cooperative close needs to pay more than was claimed.
    function _checkFinalVoucher(
        Channel calldata channel,
        bytes32 id,
        uint128 finalAmount,
        bytes calldata signature
    ) private view {
        if (channel.deadline != 0 && block.timestamp > channel.deadline) {
            revert DeadlinePassed(channel.deadline, block.timestamp);
        }
        bytes32 voucher = _hashTypedDataV4(ChannelMessages.hashVoucher(id, finalAmount));
        Signatures.check(channel.payerSigner, voucher, signature);
    }
}

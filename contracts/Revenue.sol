// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {EIP712} from '@openzeppelin/contracts/utils/cryptography/EIP712.sol';
import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {ChannelMessages} from './ChannelMessages.sol';
import {Governed} from './Governed.sol';
import {IChannels} from './IChannels.sol';
import {Signatures} from './Signatures.sol';

/// @title What is earned: how it is split, to whom it is owed, how it is paid out.
/// @notice Claims only write `owed`; tokens leave by `settle`, one payee at a time, so that nobody whom a token refuses
/// can stand in another's way.
abstract contract Revenue is IChannels, Governed, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 public constant SHARE_BPS_MAX = 2_000;
    uint256 private constant _BPS = 10_000;

    /// @notice Where the network's part of each claim goes.
    address public treasury;
    /// @notice That part, in hundredths of a percent.
    uint16 public shareBps;

    /// @notice Credited and not yet paid out.
    mapping(address token => mapping(address payee => uint256 amount)) public owed;
    /// @notice The nonce of a payee's next order to settle.
    mapping(address payee => uint256 nonce) public settleNonce;

    constructor(address treasury_, uint16 shareBps_) {
        _setTreasury(treasury_);
        _setShare(shareBps_);
    }

    /// @notice Pays out everything `payee` is owed in `token`. Anybody may call; with nothing owed it does nothing.
    function settle(address token, address payee) external nonReentrant returns (uint256 amount) {
        // Check
        amount = owed[token][payee];
        if (amount == 0) return 0;
        // Effect
        owed[token][payee] = 0;
        emit Settled(token, payee, amount);
        // Interaction
        IERC20(token).safeTransfer(payee, amount);
    }

    /// @notice The same on the signed order of a payee without gas, against the fee it names. The fee is credited.
    /// @return amount What the payee was sent.
    function settleFor(
        SettleOrder calldata order,
        bytes calldata signature
    ) external nonReentrant returns (uint256 amount) {
        // Check
        if (block.timestamp >= order.validBefore) revert OrderExpired(order.validBefore, block.timestamp);
        uint256 nonce = settleNonce[order.payee];
        if (order.nonce != nonce) revert NonceMismatch(nonce, order.nonce);
        uint256 whole = owed[order.token][order.payee];
        if (order.fee > whole) revert FeeTooLarge(whole, order.fee);
        amount = whole - order.fee;
        if (amount < order.payeeMin) revert PayeeMinNotMet(order.payeeMin, amount);
        Signatures.check(order.payee, _hashTypedDataV4(ChannelMessages.hashSettleOrder(order)), signature);
        // Effect
        settleNonce[order.payee] = nonce + 1;
        owed[order.token][order.payee] = 0;
        emit Settled(order.token, order.payee, amount);
        _paySponsor(order.sponsor, order.payee, order.token, order.fee);
        // Interaction
        IERC20(order.token).safeTransfer(order.payee, amount);
    }

    /// @notice Makes the caller's orders to settle worthless, as far as they name its present nonce.
    function revokeSettleOrders() external {
        // Effect
        uint256 nonce = ++settleNonce[msg.sender];
        emit SettleOrdersRevoked(msg.sender, nonce);
    }

    /// @notice Sets the network's part, at most `SHARE_BPS_MAX`, for claims from now on.
    function setShare(uint16 shareBps_) external onlyScheduled {
        _setShare(shareBps_);
    }

    /// @notice Sets where the network's part of claims from now on goes.
    function setTreasury(address treasury_) external onlyScheduled {
        _setTreasury(treasury_);
    }

    /// @dev Credits one channel's total having risen from `former` to `claimed`.
    function _credit(Channel calldata channel, bytes32 id, uint256 former, uint256 claimed) internal {
        uint256 treasuryPart = _treasuryPart(former, claimed, shareBps);
        owed[channel.token][channel.provider] += claimed - former - treasuryPart;
        owed[channel.token][treasury] += treasuryPart;
        emit Claimed(id, claimed, treasuryPart);
    }

    /// @dev Credits a fee: to the sponsor named, or to whoever sends. Credited rather than sent, so that nobody whom the
    /// token refuses can be in the way.
    function _paySponsor(address sponsor, address payer, address token, uint256 fee) internal {
        if (fee == 0) return;
        if (sponsor == address(0)) sponsor = msg.sender;
        owed[token][sponsor] += fee;
        emit SponsorPaid(sponsor, payer, token, fee);
    }

    /// @dev The treasury's part of a channel's total is floor(total * share); of a claim, the difference of two such
    /// totals. So many small claims pay what one large claim pays, and what is not the treasury's is the provider's.
    function _treasuryPart(uint256 former, uint256 cumulative, uint256 share) internal pure returns (uint256) {
        return (cumulative * share) / _BPS - (former * share) / _BPS;
    }

    function _setShare(uint16 shareBps_) private {
        // Check
        if (shareBps_ > SHARE_BPS_MAX) revert ShareTooLarge(SHARE_BPS_MAX, shareBps_);
        // Effect
        shareBps = shareBps_;
        emit ShareSet(shareBps_);
    }

    function _setTreasury(address treasury_) private {
        // Check
        if (treasury_ == address(0) || treasury_ == address(this)) revert TreasuryInvalid(treasury_);
        // Effect
        treasury = treasury_;
        emit TreasurySet(treasury_);
    }
}

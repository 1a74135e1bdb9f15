// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {IERC1271} from '@openzeppelin/contracts/interfaces/IERC1271.sol';
import {IChannels} from './IChannels.sol';
import {Authorization, Permit} from './Intake.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';
import {HookToken} from './test/HookToken.sol';

/// A contract wallet that tries to do something else while it is asked for its word.
contract MeddlingWallet is IERC1271 {
    address private immutable target;
    bytes private message;

    constructor(address target_, bytes memory message_) {
        (target, message) = (target_, message_);
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        (bool done, ) = target.staticcall(message);
        return done ? bytes4(0) : this.isValidSignature.selector;
    }
}

/// A token that calls back in the middle of a transfer: from every function that moves tokens, into every function that
/// moves money or credit.
contract ReentrancyTest is ChannelsFixture {
    uint256 private constant OUTER = 10;
    HookToken private hook;

    function setUp() public override {
        super.setUp();
        hook = new HookToken();
        hook.mint(payer, 1_000_000_000);
        hook.mint(address(hook), 1_000_000_000);
    }

    function test_everyDoor_isBarredDuringEveryTransfer() public {
        for (uint256 i = 0; i < OUTER; ++i) {
            for (uint256 j = 0; j < doors(sessionChannel(0)).length; ++j) {
                (IChannels.Channel memory channel, bytes memory outer) = outerCall(i, 100 * i + j + 1);
                hook.arm(address(channels), doors(channel)[j]);
                vm.prank(payer);
                (bool done, ) = address(channels).call(outer);
                assertTrue(done, 'the outer call');
                assertBarred();
            }
        }
    }

    /// Nothing that claims calls a token; a wallet is asked, and can do nothing meanwhile.
    function test_claims_letAWalletDoNothing() public {
        bytes[] memory inner = doors(sessionChannel(0));
        IChannels.Claim[] memory list = new IChannels.Claim[](inner.length);
        for (uint256 i = 0; i < inner.length; ++i) {
            IChannels.Channel memory channel = hookChannel(i);
            channel.payerSigner = address(new MeddlingWallet(address(channels), inner[i]));
            openAs(channel, DEPOSIT);
            list[i] = IChannels.Claim(channel, 10, '');
        }
        assertEq(inner.length, channels.claim(list), 'claim: none of them got through');
        for (uint256 i = 0; i < inner.length; ++i) list[i].cumulativeAmount = 20;
        IChannels.ClaimOrder memory order = orderFor(list, 1);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.prank(RELAY);
        assertEq(inner.length, channels.claimFor(list, order, signature), 'claimFor: neither');
    }

    function test_reentering_changesNothing() public {
        IChannels.Channel memory channel = hookChannel(1);
        openAs(channel, DEPOSIT);
        assertEq(1, channels.claim(one(claimOf(channel, 1_000))), 'accepted');
        hook.arm(address(channels), abi.encodeCall(channels.settle, (address(hook), provider)));
        channels.settle(address(hook), provider);
        assertBarred();
        assertEq(900, hook.balanceOf(provider), 'provider, once');
        bytes memory agreed = closeSignature(TAB_KEY, idOf(channel), 1_000);
        hook.arm(address(channels), abi.encodeCall(channels.close, (channel, 1_000, '', agreed)));
        channels.close(channel, 1_000, '', agreed);
        assertBarred();
        assertEq(100, hook.balanceOf(address(channels)), 'held');
    }

    /// A call that moves tokens, of a channel made ready for it.
    function outerCall(
        uint256 kind,
        uint256 salt
    ) private returns (IChannels.Channel memory channel, bytes memory call) {
        channel = hookChannel(salt);
        Permit memory allowed;
        Authorization memory given;
        given.signature = new bytes(65);
        if (kind == 0) return (channel, abi.encodeCall(channels.open, (channel, 10)));
        if (kind == 1) return (channel, abi.encodeCall(channels.openWithPermit, (channel, 10, allowed)));
        if (kind == 2)
            return (channel, abi.encodeCall(channels.openWithAuthorization, (channel, 10, unsponsored(), given)));
        if (kind == 3) (channel.delay, channel.deadline) = (0, uint48(present() + 1 hours));
        openAs(channel, DEPOSIT);
        if (kind == 3) {
            vm.warp(uint256(channel.deadline) + 1);
            return (channel, abi.encodeCall(channels.refund, (channel)));
        }
        if (kind == 4) return (channel, abi.encodeCall(channels.topUp, (channel, 10)));
        if (kind == 5) return (channel, abi.encodeCall(channels.topUpWithPermit, (channel, 10, allowed)));
        if (kind == 6)
            return (channel, abi.encodeCall(channels.topUpWithAuthorization, (channel, 10, unsponsored(), given)));
        if (kind == 7) {
            bytes memory agreed = closeSignature(TAB_KEY, idOf(channel), 0);
            return (channel, abi.encodeCall(channels.close, (channel, 0, '', agreed)));
        }
        if (kind == 8) {
            assertEq(1, channels.claim(one(claimOf(channel, 1_000))), 'accepted');
            return (channel, abi.encodeCall(channels.settle, (address(hook), provider)));
        }
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        vm.warp(present() + DELAY);
        return (channel, abi.encodeCall(channels.withdraw, (channel)));
    }

    /// Every function that moves money or credit.
    function doors(IChannels.Channel memory channel) private view returns (bytes[] memory calls) {
        Permit memory allowed;
        Authorization memory given;
        IChannels.ClaimOrder memory order;
        IChannels.Claim[] memory list = one(claimOf(channel, 5_000));
        calls = new bytes[](13);
        calls[0] = abi.encodeCall(channels.open, (channel, DEPOSIT));
        calls[1] = abi.encodeCall(channels.openWithPermit, (channel, DEPOSIT, allowed));
        calls[2] = abi.encodeCall(channels.openWithAuthorization, (channel, DEPOSIT, unsponsored(), given));
        calls[3] = abi.encodeCall(channels.topUp, (channel, DEPOSIT));
        calls[4] = abi.encodeCall(channels.topUpWithPermit, (channel, DEPOSIT, allowed));
        calls[5] = abi.encodeCall(channels.topUpWithAuthorization, (channel, DEPOSIT, unsponsored(), given));
        calls[6] = abi.encodeCall(channels.claim, (list));
        calls[7] = abi.encodeCall(channels.claimFor, (list, order, ''));
        calls[8] = abi.encodeCall(channels.settle, (address(hook), provider));
        calls[9] = abi.encodeCall(channels.close, (channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0)));
        calls[10] = abi.encodeCall(channels.withdraw, (channel));
        IChannels.SettleOrder memory settling;
        calls[12] = abi.encodeCall(channels.settleFor, (settling, ''));
        calls[11] = abi.encodeCall(channels.refund, (channel));
    }

    function hookChannel(uint256 salt) private view returns (IChannels.Channel memory channel) {
        channel = sessionChannel(salt);
        channel.token = address(hook);
    }

    function assertBarred() private view {
        assertTrue(hook.called(), 'the hook was called');
        bytes4 expected = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        assertEq(bytes32(expected), bytes32(bytes4(hook.answer())), 'barred');
    }
}

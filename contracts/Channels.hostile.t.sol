// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from '@openzeppelin/contracts/interfaces/draft-IERC6093.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {IChannels} from './IChannels.sol';
import {Intake} from './Intake.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';
import {HostileToken} from './test/HostileToken.sol';
import {HookToken} from './test/HookToken.sol';

/// Tokens that misbehave: each is refused, or harms only those who chose it.
contract HostileTokensTest is ChannelsFixture {
    HostileToken private hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileToken();
        hostile.mint(payer, 1_000_000_000);
    }

    function test_feeOnTransfer_isRefused() public {
        hostile.setFee(1);
        refuse(abi.encodeWithSelector(Intake.TransferMismatch.selector, DEPOSIT, DEPOSIT - 1));
    }

    function test_transferThatBringsMore_isRefused() public {
        hostile.setBonus(1);
        refuse(abi.encodeWithSelector(Intake.TransferMismatch.selector, DEPOSIT, DEPOSIT + 1));
    }

    function test_transferThatMovesNothing_isRefused() public {
        hostile.setMode(HostileToken.Mode.Pretending);
        refuse(abi.encodeWithSelector(Intake.TransferMismatch.selector, DEPOSIT, 0));
    }

    function test_balanceThatFalls_isRefused() public {
        vm.prank(payer);
        channels.open(hostileChannel(7), DEPOSIT);
        hostile.setMode(HostileToken.Mode.Shrinking);
        refuse(abi.encodeWithSelector(Intake.TransferMismatch.selector, DEPOSIT, 0));
    }

    function test_returningFalse_isRefused() public {
        hostile.setMode(HostileToken.Mode.ReturningFalse);
        refuse(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(hostile)));
    }

    function test_reverting_isRefused() public {
        hostile.setMode(HostileToken.Mode.Reverting);
        refuse(abi.encodeWithSignature('Error(string)', 'not today'));
    }

    function test_returningNothing_isWelcome() public {
        hostile.setMode(HostileToken.Mode.ReturningNothing);
        IChannels.Channel memory channel = hostileChannel(1);
        openAs(channel, DEPOSIT);
        claimed(channel, 1_000);
        channels.settle(address(hostile), provider);
        assertEq(900, hostile.balanceOf(provider), 'provider');
    }

    function test_rebasingAfterwards_hurtsItsOwnPayeesOnly() public {
        IChannels.Channel memory bad = hostileChannel(1);
        IChannels.Channel memory good = opened(2);
        openAs(bad, DEPOSIT);
        IChannels.Claim[] memory list = new IChannels.Claim[](2);
        (list[0], list[1]) = (claimOf(bad, DEPOSIT), claimOf(good, DEPOSIT));
        assertEq(2, channels.claim(list), 'accepted');
        hostile.seize(address(channels), DEPOSIT);
        vm.expectRevert();
        channels.settle(address(hostile), provider);
        assertEq((DEPOSIT / 10) * 9, channels.owed(address(hostile), provider), 'still owed');
        channels.settle(address(token), provider);
        assertEq((DEPOSIT / 10) * 9, token.balanceOf(provider), 'provider');
    }

    function test_blockedPayee_stopsNeitherBatchNorNeighbours() public {
        IChannels.Channel memory first = hostileChannel(1);
        IChannels.Channel memory second = hostileChannel(2);
        second.provider = stranger;
        openAs(first, DEPOSIT);
        openAs(second, DEPOSIT);
        hostile.setBlocked(provider, true);
        IChannels.Claim[] memory list = new IChannels.Claim[](2);
        (list[0], list[1]) = (claimOf(first, 1_000), claimOf(second, 2_000));
        assertEq(2, channels.claim(list), 'accepted');
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, provider));
        channels.settle(address(hostile), provider);
        assertEq(900, channels.owed(address(hostile), provider), 'still owed');
        channels.settle(address(hostile), stranger);
        channels.settle(address(hostile), TREASURY);
        hostile.setBlocked(provider, false);
        channels.settle(address(hostile), provider);
        assertEq(900, hostile.balanceOf(provider), 'provider, once unblocked');
    }

    function test_blockedPayer_cannotStopAJobsClaim() public {
        IChannels.Channel memory job = jobChannel(1);
        job.token = address(hostile);
        openAs(job, DEPOSIT);
        hostile.setBlocked(payer, true);
        IChannels.Claim[] memory list = one(claimOf(job, 1_000));
        vm.prank(tab);
        assertEq(1, channels.claim(list), 'accepted');
        channels.settle(address(hostile), provider);
        assertEq(900, hostile.balanceOf(provider), 'provider');
        assertEq(DEPOSIT - 1_000, channels.owed(address(hostile), payer), 'payer, for later');
    }

    function hostileChannel(uint256 salt) private view returns (IChannels.Channel memory channel) {
        channel = sessionChannel(salt);
        channel.token = address(hostile);
    }

    function refuse(bytes memory problem) private {
        IChannels.Channel memory channel = hostileChannel(1);
        vm.prank(payer);
        vm.expectRevert(problem);
        channels.open(channel, DEPOSIT);
        assertState(channel, 0, 0, 0);
    }
}

/// A token that calls back in the middle of a transfer, into every function that moves money or credit.
contract ReentrancyTest is ChannelsFixture {
    HookToken private hook;
    IChannels.Channel private channel;

    function setUp() public override {
        super.setUp();
        hook = new HookToken();
        hook.mint(payer, 1_000_000_000);
        hook.mint(address(hook), 1_000_000_000);
        channel = sessionChannel(1);
        channel.token = address(hook);
        openAs(channel, DEPOSIT);
        assertEq(1, channels.claim(one(claimOf(channel, 1_000))), 'accepted');
    }

    function test_settle_cannotBeEnteredAgain() public {
        hook.arm(address(channels), abi.encodeCall(channels.settle, (address(hook), provider)));
        channels.settle(address(hook), provider);
        assertBarred();
        assertEq(900, hook.balanceOf(provider), 'provider');
    }

    function test_open_cannotBeEnteredAgain() public {
        IChannels.Channel memory inner = sessionChannel(2);
        (inner.token, inner.payer) = (address(hook), address(hook));
        hook.arm(address(channels), abi.encodeCall(channels.open, (inner, DEPOSIT)));
        IChannels.Channel memory outer = sessionChannel(3);
        outer.token = address(hook);
        openAs(outer, DEPOSIT);
        assertBarred();
        assertState(inner, 0, 0, 0);
        assertEq(2 * DEPOSIT, hook.balanceOf(address(channels)), 'held');
    }

    function test_topUp_cannotBeEnteredAgain() public {
        hook.arm(address(channels), abi.encodeCall(channels.topUp, (channel, DEPOSIT)));
        vm.prank(payer);
        channels.topUp(channel, DEPOSIT);
        assertBarred();
        assertState(channel, 2 * DEPOSIT, 1_000, 0);
    }

    function test_withdraw_cannotBeEnteredAgain() public {
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        vm.warp(present() + DELAY);
        hook.arm(address(channels), abi.encodeCall(channels.claim, (one(claimOf(channel, 5_000)))));
        channels.withdraw(channel);
        assertBarred();
        assertState(channel, 1_000, 1_000, CLOSED);
    }

    function test_close_cannotBeEnteredAgain() public {
        bytes memory agreed = closeSignature(TAB_KEY, idOf(channel), 1_000);
        hook.arm(address(channels), abi.encodeCall(channels.close, (channel, 1_000, '', agreed)));
        channels.close(channel, 1_000, '', agreed);
        assertBarred();
        assertEq(1_000, hook.balanceOf(address(channels)), 'held');
    }

    function assertBarred() private view {
        assertTrue(hook.called(), 'the hook was called');
        bytes4 expected = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        assertEq(bytes32(expected), bytes32(bytes4(hook.answer())), 'barred');
    }
}

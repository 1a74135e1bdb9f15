// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from '@openzeppelin/contracts/interfaces/draft-IERC6093.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {IChannels} from './IChannels.sol';
import {Authorization, Intake} from './Intake.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';
import {HostileToken} from './test/HostileToken.sol';

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

    function test_feeOnTransfer_isRefusedByAuthorizationToo() public {
        hostile.setFee(1);
        Authorization memory given;
        vm.expectRevert(abi.encodeWithSelector(Intake.TransferMismatch.selector, DEPOSIT, DEPOSIT - 1));
        channels.openWithAuthorization(hostileChannel(1), DEPOSIT, unsponsored(), given);
        hostile.setFee(0);
        channels.openWithAuthorization(hostileChannel(1), DEPOSIT, unsponsored(), given);
        assertState(hostileChannel(1), DEPOSIT, 0, 0);
    }

    /// With nothing left to send, nothing is sent: a payer whom the token refuses ends its channel all the same.
    function test_blockedPayer_endsAChannelWithNothingLeft() public {
        IChannels.Channel memory channel = hostileChannel(1);
        openAs(channel, DEPOSIT);
        claimed(channel, DEPOSIT);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        vm.warp(present() + DELAY);
        hostile.setBlocked(payer, true);
        channels.withdraw(channel);
        assertState(channel, DEPOSIT, DEPOSIT, CLOSED);
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

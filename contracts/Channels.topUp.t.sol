// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC3009} from '@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol';
import {IChannels} from './IChannels.sol';
import {Authorization, Intake, Permit} from './Intake.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

contract ChannelsTopUpTest is ChannelsFixture {
    function test_topUp_addsToTheBalance() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 5);
        vm.expectEmit(address(channels));
        emit IChannels.ToppedUp(idOf(channel), payer, 7, DEPOSIT + 7);
        vm.prank(payer);
        channels.topUp(channel, 7);
        assertState(channel, DEPOSIT + 7, 5, 0);
        assertEq(DEPOSIT + 7, token.balanceOf(address(channels)), 'held');
    }

    function test_topUp_takesTheStrangersTokens() public {
        IChannels.Channel memory channel = opened(1);
        fund(stranger, 10);
        uint256 before = token.balanceOf(payer);
        vm.prank(stranger);
        channels.topUp(channel, 10);
        assertEq(0, token.balanceOf(stranger), 'stranger');
        assertEq(before, token.balanceOf(payer), 'payer');
        assertState(channel, DEPOSIT + 10, 0, 0);
    }

    function test_topUpWithPermit_takesTheCallersTokens() public {
        IChannels.Channel memory channel = opened(1);
        token.mint(stranger, 10);
        Permit memory given = permit(STRANGER_KEY, address(channels), 10);
        vm.prank(stranger);
        channels.topUpWithPermit(channel, 10, given);
        assertState(channel, DEPOSIT + 10, 0, 0);
        assertEq(0, token.balanceOf(stranger), 'stranger');
    }

    function test_topUpWithAuthorization_takesThePayersTokensOnce() public {
        IChannels.Channel memory channel = opened(1);
        Authorization memory given = authorization(channel, 10, 'a');
        uint256 before = token.balanceOf(payer);
        vm.prank(stranger);
        channels.topUpWithAuthorization(channel, 10, unsponsored(), given);
        assertEq(before - 10, token.balanceOf(payer), 'payer');
        bytes32 nonce = channels.authorizationNonce(idOf(channel), 'a', unsponsored());
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, nonce));
        channels.topUpWithAuthorization(channel, 10, unsponsored(), given);
        channels.topUpWithAuthorization(channel, 10, unsponsored(), authorization(channel, 10, 'b'));
        assertState(channel, DEPOSIT + 20, 0, 0);
    }

    function test_topUp_refusesWhatIsNotOpen() public {
        IChannels.Channel memory channel = sessionChannel(1);
        refuse(channel, abi.encodeWithSelector(IChannels.ChannelMissing.selector, idOf(channel)));
        openAs(channel, DEPOSIT);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        refuse(channel, abi.encodeWithSelector(IChannels.ChannelAlreadyClosed.selector, idOf(channel)));
    }

    function test_topUp_refusesJobs() public {
        IChannels.Channel memory channel = openedJob(1);
        refuse(channel, abi.encodeWithSelector(IChannels.SessionOnly.selector, idOf(channel)));
    }

    function test_topUp_refusesWhileAWithdrawalIsAnnounced() public {
        IChannels.Channel memory channel = opened(1);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        refuse(channel, abi.encodeWithSelector(IChannels.WithdrawalPending.selector, idOf(channel), present() + DELAY));
    }

    function test_topUp_refusesZeroAndTooMuch() public {
        IChannels.Channel memory channel = opened(1);
        vm.startPrank(payer);
        vm.expectRevert(abi.encodeWithSelector(Intake.AmountZero.selector));
        channels.topUp(channel, 0);
        uint256 most = type(uint104).max;
        vm.expectRevert(abi.encodeWithSelector(IChannels.BalanceTooLarge.selector, most, most + 1));
        channels.topUp(channel, uint128(most + 1 - DEPOSIT));
        vm.stopPrank();
        fund(payer, most);
        vm.prank(payer);
        channels.topUp(channel, uint128(most - DEPOSIT));
        assertState(channel, most, 0, 0);
    }

    function refuse(IChannels.Channel memory channel, bytes memory problem) private {
        Authorization memory given = authorization(channel, 10, 'x');
        Permit memory allowed = permit(PAYER_KEY, address(channels), 10);
        vm.startPrank(payer);
        vm.expectRevert(problem);
        channels.topUp(channel, 10);
        vm.expectRevert(problem);
        channels.topUpWithPermit(channel, 10, allowed);
        vm.expectRevert(problem);
        channels.topUpWithAuthorization(channel, 10, unsponsored(), given);
        vm.stopPrank();
    }
}

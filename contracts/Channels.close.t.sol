// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';
import {Signatures} from './Signatures.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

contract ChannelsCloseTest is ChannelsFixture {
    function test_close_paysBothAtOnce() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        uint256 before = token.balanceOf(payer);
        vm.expectEmit(address(channels));
        emit IChannels.Claimed(idOf(channel), 5_005, 400);
        vm.expectEmit(address(channels));
        emit IChannels.ChannelClosed(idOf(channel), IChannels.Closing.Cooperative, 5_005, DEPOSIT - 5_005);
        vm.prank(stranger);
        channels.close(channel, 5_005, voucher(channel, 5_005), closeSignature(TAB_KEY, idOf(channel), 5_005));
        assertState(channel, 5_005, 5_005, CLOSED);
        assertEq(before + DEPOSIT - 5_005, token.balanceOf(payer), 'payer');
        assertEq(4_505, owed(provider), 'provider');
        assertEq(500, owed(TREASURY), 'treasury');
    }

    function test_close_needsNoVoucherForWhatWasClaimed() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        bytes memory agreed = closeSignature(TAB_KEY, idOf(channel), 1_000);
        vm.recordLogs();
        channels.close(channel, 1_000, '', agreed);
        assertEq(0, countLogs(IChannels.Claimed.selector), 'nothing was claimed by it');
        assertState(channel, 1_000, 1_000, CLOSED);
        assertEq(900, owed(provider), 'provider');
    }

    function test_close_ofAllReturnsNothing() public {
        IChannels.Channel memory channel = opened(1);
        uint256 before = token.balanceOf(payer);
        bytes memory agreed = closeSignature(TAB_KEY, idOf(channel), DEPOSIT);
        channels.close(channel, DEPOSIT, voucher(channel, DEPOSIT), agreed);
        assertEq(before, token.balanceOf(payer), 'payer');
        assertState(channel, DEPOSIT, DEPOSIT, CLOSED);
    }

    function test_close_worksWhileAWithdrawalIsAnnounced() public {
        IChannels.Channel memory channel = opened(1);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        assertState(channel, 0, 0, CLOSED);
    }

    function test_close_keepsTheFinalAmountInRange() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        refuse(channel, 999, voucher(channel, 999), TAB_KEY, range(999));
        refuse(channel, DEPOSIT + 1, voucher(channel, DEPOSIT + 1), TAB_KEY, range(DEPOSIT + 1));
        uint128 most = type(uint128).max;
        refuse(channel, most, voucher(channel, most), TAB_KEY, range(most));
        // Amounts whose lower bits are in range.
        most = (1 << 104) + 1_005;
        refuse(channel, most, voucher(channel, most), TAB_KEY, range(most));
    }

    function test_close_needsTheProvidersSigner() public {
        IChannels.Channel memory channel = opened(1);
        bytes memory problem = abi.encodeWithSelector(Signatures.InvalidSignature.selector, tab);
        refuse(channel, 0, '', STRANGER_KEY, problem);
        refuse(channel, 0, '', SESSION_KEY, problem);
        refuse(channel, 0, '', PROVIDER_KEY, problem);
        // The right key over another amount, another channel, another message.
        bytes memory other = closeSignature(TAB_KEY, idOf(channel), 1);
        vm.expectRevert(problem);
        channels.close(channel, 0, '', other);
        other = closeSignature(TAB_KEY, idOf(sessionChannel(2)), 0);
        vm.expectRevert(problem);
        channels.close(channel, 0, '', other);
        other = signed(TAB_KEY, ours(voucherHash(idOf(channel), 0)));
        vm.expectRevert(problem);
        channels.close(channel, 0, '', other);
        vm.expectRevert(problem);
        channels.close(channel, 0, '', '');
    }

    function test_close_needsThePayersVoucherForMore() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        bytes memory problem = abi.encodeWithSelector(Signatures.InvalidSignature.selector, session);
        refuse(channel, 1_001, '', TAB_KEY, problem);
        refuse(channel, 1_001, voucher(channel, 1_000), TAB_KEY, problem);
        refuse(channel, 1_001, voucher(sessionChannel(2), 1_001), TAB_KEY, problem);
        // The right words under anybody else's key, the payer's own included: the session key alone spends.
        uint256[4] memory keys = [PAYER_KEY, PROVIDER_KEY, TAB_KEY, STRANGER_KEY];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory given = signed(keys[i], ours(voucherHash(idOf(channel), 1_001)));
            refuse(channel, 1_001, given, TAB_KEY, problem);
        }
    }

    function test_close_refusesWhatIsNotOpen() public {
        IChannels.Channel memory channel = sessionChannel(1);
        refuse(channel, 0, '', TAB_KEY, abi.encodeWithSelector(IChannels.ChannelMissing.selector, idOf(channel)));
        openAs(channel, DEPOSIT);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        bytes memory problem = abi.encodeWithSelector(IChannels.ChannelAlreadyClosed.selector, idOf(channel));
        refuse(channel, 0, '', TAB_KEY, problem);
    }

    function test_close_cannotPayAJobAfterItsDeadline() public {
        IChannels.Channel memory channel = openedJob(1);
        vm.warp(uint256(channel.deadline) + 1);
        bytes memory problem = abi.encodeWithSelector(
            IChannels.DeadlinePassed.selector,
            channel.deadline,
            uint256(channel.deadline) + 1
        );
        refuse(channel, 10, voucher(channel, 10), TAB_KEY, problem);
        vm.warp(channel.deadline);
        channels.close(channel, 10, voucher(channel, 10), closeSignature(TAB_KEY, idOf(channel), 10));
        assertEq(9, owed(provider), 'provider');
    }

    function test_close_letsAProviderGiveAJobBackAtAnyTime() public {
        IChannels.Channel memory channel = openedJob(1);
        uint256 before = token.balanceOf(payer);
        vm.warp(uint256(channel.deadline) + 1);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        assertEq(before + DEPOSIT, token.balanceOf(payer), 'payer');
    }

    function range(uint256 given) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IChannels.FinalAmountOutOfRange.selector, 1_000, DEPOSIT, given);
    }

    function refuse(
        IChannels.Channel memory channel,
        uint128 amount,
        bytes memory payerSignature,
        uint256 key,
        bytes memory problem
    ) private {
        bytes memory agreed = closeSignature(key, idOf(channel), amount);
        vm.expectRevert(problem);
        channels.close(channel, amount, payerSignature, agreed);
    }
}

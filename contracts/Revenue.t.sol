// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Channels} from './Channels.sol';
import {Governed} from './Governed.sol';
import {IChannels} from './IChannels.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

contract RevenueTest is ChannelsFixture {
    function test_settle_paysOnceWhoeverCalls() public {
        claimed(opened(1), 1_000);
        vm.expectEmit(address(channels));
        emit IChannels.Settled(address(token), provider, 900);
        vm.prank(stranger);
        assertEq(900, channels.settle(address(token), provider), 'paid');
        assertEq(900, token.balanceOf(provider), 'provider');
        assertEq(0, channels.settle(address(token), provider), 'paid again');
        assertEq(900, token.balanceOf(provider), 'provider again');
        assertEq(0, channels.settle(address(token), stranger), 'stranger');
        assertEq(0, channels.settle(address(0xdead), provider), 'no token');
        assertEq(100, channels.settle(address(token), TREASURY), 'treasury');
        assertEq(DEPOSIT - 1_000, token.balanceOf(address(channels)), 'held');
    }

    function test_setShare_appliesToClaimsFromThenOn() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        bytes memory call = abi.encodeCall(channels.setShare, (500));
        announce(call);
        vm.warp(present() + 7 days);
        vm.expectEmit(address(channels));
        emit IChannels.ShareSet(500);
        channels.execute(call);
        claimed(channel, 2_000);
        assertEq(100 + 50, owed(TREASURY), 'treasury');
        govern(abi.encodeCall(channels.setShare, (0)));
        claimed(channel, 3_000);
        assertEq(150, owed(TREASURY), 'treasury at zero');
        assertEq(3_000 - 150, owed(provider), 'provider');
    }

    function test_setShare_isBounded() public {
        govern(abi.encodeCall(channels.setShare, (2_000)));
        assertEq(2_000, channels.shareBps(), 'share');
        bytes memory call = abi.encodeCall(channels.setShare, (2_001));
        announce(call);
        vm.warp(present() + 7 days);
        bytes memory problem = abi.encodeWithSelector(IChannels.ShareTooLarge.selector, 2_000, 2_001);
        vm.expectRevert(problem);
        channels.execute(call);
        vm.expectRevert(problem);
        new Channels(GOVERNOR, TREASURY, 2_001);
    }

    function test_setTreasury_appliesToClaimsFromThenOn() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        bytes memory call = abi.encodeCall(channels.setTreasury, (stranger));
        announce(call);
        vm.warp(present() + 7 days);
        vm.expectEmit(address(channels));
        emit IChannels.TreasurySet(stranger);
        channels.execute(call);
        claimed(channel, 3_000);
        assertEq(100, owed(TREASURY), 'former treasury');
        assertEq(200, owed(stranger), 'treasury');
    }

    function test_setTreasury_isSomebodyElse() public {
        address[2] memory wrong = [address(0), address(channels)];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory call = abi.encodeCall(channels.setTreasury, (wrong[i]));
            announce(call);
            vm.warp(present() + 7 days);
            vm.expectRevert(abi.encodeWithSelector(IChannels.TreasuryInvalid.selector, wrong[i]));
            channels.execute(call);
        }
        vm.expectRevert(abi.encodeWithSelector(IChannels.TreasuryInvalid.selector, address(0)));
        new Channels(GOVERNOR, address(0), 1_000);
    }

    function test_setters_areBehindTheNotice() public {
        address[2] memory callers = [GOVERNOR, stranger];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory problem = abi.encodeWithSelector(
                Governed.OnlyScheduled.selector,
                address(channels),
                callers[i]
            );
            vm.startPrank(callers[i]);
            vm.expectRevert(problem);
            channels.setShare(0);
            vm.expectRevert(problem);
            channels.setTreasury(stranger);
            vm.stopPrank();
        }
    }

    function testFuzz_split_isExact(uint104 former, uint104 delta, uint16 share) public {
        share = uint16(within(share, 0, 2_000));
        former = uint104(within(former, 1, type(uint104).max - 1));
        delta = uint104(within(delta, 1, type(uint104).max - former));
        fund(payer, uint256(former) + delta);
        IChannels.Channel memory channel = sessionChannel(1);
        openAs(channel, former + delta);
        claimed(channel, former);
        uint256 before = owed(TREASURY);
        govern(abi.encodeCall(channels.setShare, (share)));
        claimed(channel, former + delta);
        uint256 part = owed(TREASURY) - before;
        assertEq(uint256(former) + delta, owed(TREASURY) + owed(provider), 'sum');
        // Within one unit of the exact share of this claim, on either side, whatever the share was before.
        assertTrue(part * 10_000 < uint256(delta) * share + 10_000, 'at most one above');
        assertTrue((part + 1) * 10_000 > uint256(delta) * share, 'at most one below');
    }

    function announce(bytes memory call) private {
        vm.prank(GOVERNOR);
        channels.schedule(call);
    }

    function govern(bytes memory call) private {
        announce(call);
        vm.warp(present() + 7 days);
        channels.execute(call);
    }
}

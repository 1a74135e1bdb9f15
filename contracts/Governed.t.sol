// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from '@openzeppelin/contracts/access/Ownable.sol';
import {Governed} from './Governed.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

contract GovernedTest is ChannelsFixture {
    bytes private call;

    function setUp() public override {
        super.setUp();
        call = abi.encodeCall(channels.setShare, (500));
    }

    function test_schedule_isForTheOwner() public {
        bytes memory problem = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(problem);
        channels.schedule(call);
        vm.expectRevert(problem);
        channels.cancel(keccak256(call));
    }

    function test_schedule_notesWhenItWillBeReady() public {
        vm.expectEmit(address(channels));
        emit Governed.CallScheduled(keccak256(call), call, present() + 7 days);
        vm.prank(GOVERNOR);
        channels.schedule(call);
        assertEq(present() + 7 days, channels.readyAt(keccak256(call)), 'ready');
    }

    function test_schedule_notTwiceUnlessLapsed() public {
        uint256 ready = present() + 7 days;
        vm.startPrank(GOVERNOR);
        channels.schedule(call);
        vm.warp(ready + 14 days);
        vm.expectRevert(abi.encodeWithSelector(Governed.AlreadyScheduled.selector, keccak256(call), ready));
        channels.schedule(call);
        vm.warp(ready + 14 days + 1);
        channels.schedule(call);
        assertEq(present() + 7 days, channels.readyAt(keccak256(call)), 'ready');
    }

    function test_cancel_forgets() public {
        vm.startPrank(GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(Governed.NotScheduled.selector, keccak256(call)));
        channels.cancel(keccak256(call));
        channels.schedule(call);
        vm.expectEmit(address(channels));
        emit Governed.CallCancelled(keccak256(call));
        channels.cancel(keccak256(call));
        vm.warp(present() + 7 days);
        vm.expectRevert(abi.encodeWithSelector(Governed.NotScheduled.selector, keccak256(call)));
        channels.execute(call);
    }

    function test_execute_waitsForTheVerySecond() public {
        vm.prank(GOVERNOR);
        channels.schedule(call);
        uint256 ready = present() + 7 days;
        vm.warp(ready - 1);
        vm.expectRevert(abi.encodeWithSelector(Governed.NotReady.selector, ready, ready - 1));
        channels.execute(call);
        vm.warp(ready);
        vm.expectEmit(address(channels));
        emit Governed.CallExecuted(keccak256(call));
        vm.prank(stranger);
        channels.execute(call);
        assertEq(500, channels.shareBps(), 'share');
        vm.expectRevert(abi.encodeWithSelector(Governed.NotScheduled.selector, keccak256(call)));
        channels.execute(call);
    }

    function test_execute_lapsesAfterTheGrace() public {
        vm.prank(GOVERNOR);
        channels.schedule(call);
        uint256 last = present() + 21 days;
        vm.warp(last + 1);
        vm.expectRevert(abi.encodeWithSelector(Governed.Lapsed.selector, last, last + 1));
        channels.execute(call);
        vm.warp(last);
        channels.execute(call);
        assertEq(500, channels.shareBps(), 'share');
    }

    function test_execute_passesTheCallsOwnErrorOn() public {
        bytes memory nonsense = hex'deadbeef';
        vm.prank(GOVERNOR);
        channels.schedule(nonsense);
        vm.warp(present() + 7 days);
        vm.expectRevert();
        channels.execute(nonsense);
        assertTrue(channels.readyAt(keccak256(nonsense)) != 0, 'still scheduled');
    }

    function test_setters_areForScheduledCallsAlone() public {
        bytes memory problem = abi.encodeWithSelector(Governed.OnlyScheduled.selector, address(channels), GOVERNOR);
        vm.prank(GOVERNOR);
        vm.expectRevert(problem);
        channels.setShare(500);
    }

    function test_execute_runsNothingOnceRenounced() public {
        vm.startPrank(GOVERNOR);
        channels.schedule(call);
        channels.renounceOwnership();
        vm.stopPrank();
        vm.warp(present() + 7 days);
        vm.expectRevert(abi.encodeWithSelector(Governed.GovernanceRenounced.selector));
        channels.execute(call);
        assertEq(1_000, channels.shareBps(), 'share');
    }

    function test_ownership_movesInTwoSteps() public {
        vm.prank(GOVERNOR);
        channels.transferOwnership(stranger);
        assertEq(GOVERNOR, channels.owner(), 'owner');
        vm.prank(stranger);
        channels.acceptOwnership();
        assertEq(stranger, channels.owner(), 'owner');
    }
}

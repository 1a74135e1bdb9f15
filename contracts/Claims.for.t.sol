// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';
import {Signatures} from './Signatures.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

contract ClaimForTest is ChannelsFixture {
    uint128 private constant FEE = 50;

    function test_claimFor_paysTheRelayFromTheProvidersPart() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.expectEmit(address(channels));
        emit IChannels.RelayPaid(RELAY, provider, address(token), 100);
        vm.prank(RELAY);
        assertEq(2, channels.claimFor(list, order, signature), 'accepted');
        assertEq(2_700 - 100, owed(provider), 'provider');
        assertEq(100, owed(RELAY), 'relay');
        assertEq(300, owed(TREASURY), 'treasury');
        channels.settle(address(token), RELAY);
        assertEq(100, token.balanceOf(RELAY), 'relay paid');
    }

    function test_claimFor_doesNothingTheSecondTime() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.startPrank(RELAY);
        channels.claimFor(list, order, signature);
        assertEq(0, channels.claimFor(list, order, signature), 'accepted');
        assertEq(100, owed(RELAY), 'relay');
        assertEq(2_600, owed(provider), 'provider');
    }

    function test_claimFor_paysNothingForSkippedClaims() public {
        IChannels.Claim[] memory list = two();
        claimed(list[0].channel, 1_000);
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.prank(RELAY);
        assertEq(1, channels.claimFor(list, order, signature), 'accepted');
        assertEq(50, owed(RELAY), 'relay');
    }

    function test_claimFor_takesNoMoreThanTheProvidersPart() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, type(uint128).max);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.prank(RELAY);
        channels.claimFor(list, order, signature);
        assertEq(0, owed(provider), 'provider');
        assertEq(2_700, owed(RELAY), 'relay');
        assertEq(300, owed(TREASURY), 'treasury');
    }

    function test_claimFor_withoutANameIsForWhoeverComes() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        order.relay = address(0);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.prank(stranger);
        channels.claimFor(list, order, signature);
        assertEq(100, owed(stranger), 'stranger');
    }

    function test_claimFor_withoutAFeePaysNobody() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, 0);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.recordLogs();
        vm.prank(RELAY);
        channels.claimFor(list, order, signature);
        assertEq(0, owed(RELAY), 'relay');
        assertEq(0, countLogs(IChannels.RelayPaid.selector), 'nothing was said of a fee');
        assertEq(2_700, owed(provider), 'provider');
    }

    function test_claimFor_claimsAJob() public {
        IChannels.Channel memory channel = openedJob(1);
        IChannels.Claim[] memory list = one(claimOf(channel, 1_000));
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.prank(RELAY);
        assertEq(1, channels.claimFor(list, order, signature), 'accepted');
        assertEq(850, owed(provider), 'provider');
        assertEq(DEPOSIT - 1_000, owed(payer), 'payer');
    }

    function test_claimFor_expiresToTheSecond() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.startPrank(RELAY);
        vm.warp(order.validBefore);
        vm.expectRevert(abi.encodeWithSelector(IChannels.OrderExpired.selector, order.validBefore, order.validBefore));
        channels.claimFor(list, order, signature);
        vm.warp(order.validBefore - 1);
        assertEq(2, channels.claimFor(list, order, signature), 'accepted');
    }

    function test_claimFor_isForTheNamedRelay() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IChannels.RelayMismatch.selector, RELAY, stranger));
        channels.claimFor(list, order, signature);
    }

    function test_claimFor_holdsTheRelayToTheList() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        // One left out, an older voucher put in, the order turned round.
        refuseList(one(list[0]), order, signature);
        IChannels.Claim[] memory older = two();
        older[1] = claimOf(list[1].channel, 1);
        refuseList(older, order, signature);
        (older[0], older[1]) = (list[1], list[0]);
        refuseList(older, order, signature);
        refuseList(new IChannels.Claim[](0), order, signature);
    }

    function test_claimFor_needsTheProvidersSigner() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory problem = abi.encodeWithSelector(Signatures.InvalidSignature.selector, tab);
        bytes memory forged = orderSignature(STRANGER_KEY, order);
        vm.startPrank(RELAY);
        vm.expectRevert(problem);
        channels.claimFor(list, order, forged);
        forged = orderSignature(TAB_KEY, order);
        order.feePerClaim = FEE + 1;
        vm.expectRevert(problem);
        channels.claimFor(list, order, forged);
        vm.expectRevert(problem);
        channels.claimFor(list, order, '');
    }

    function test_claimFor_skipsChannelsOfOtherSigners() public {
        IChannels.Claim[] memory list = two();
        IChannels.ClaimOrder memory order = orderFor(list, type(uint128).max);
        // A stranger signs an order over somebody else's channels, hoping for the fee.
        order.providerSigner = stranger;
        bytes memory signature = orderSignature(STRANGER_KEY, order);
        vm.recordLogs();
        vm.prank(RELAY);
        assertEq(0, channels.claimFor(list, order, signature), 'accepted');
        assertEq(uint256(IChannels.Refusal.NotProvider), uint256(lastRefusal()), 'refusal');
        assertEq(0, owed(RELAY), 'relay');
    }

    function test_claimFor_limitsTheBatch() public {
        IChannels.Claim[] memory list = new IChannels.Claim[](101);
        for (uint256 i = 0; i < 101; ++i) list[i].channel = sessionChannel(i);
        IChannels.ClaimOrder memory order = orderFor(list, FEE);
        bytes memory signature = orderSignature(TAB_KEY, order);
        vm.prank(RELAY);
        vm.expectRevert(abi.encodeWithSelector(IChannels.BatchTooLong.selector, 100, 101));
        channels.claimFor(list, order, signature);
    }

    function two() private returns (IChannels.Claim[] memory list) {
        list = new IChannels.Claim[](2);
        (list[0], list[1]) = (claimOf(sessionChannel(1), 1_000), claimOf(sessionChannel(2), 2_000));
        for (uint256 i = 0; i < 2; ++i) {
            if (stateOf(list[i].channel).balance == 0) openAs(list[i].channel, DEPOSIT);
        }
    }

    function refuseList(
        IChannels.Claim[] memory list,
        IChannels.ClaimOrder memory order,
        bytes memory signature
    ) private {
        bytes32 actual = orderFor(list, 0).claimsHash;
        vm.prank(RELAY);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ClaimsMismatch.selector, order.claimsHash, actual));
        channels.claimFor(list, order, signature);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';
import {Signatures} from './Signatures.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';
import {Wallet} from './test/Wallets.sol';

/// Paying out for a payee without gas, against a fee it signed.
contract RevenueSettleForTest is ChannelsFixture {
    uint96 private constant FEE = 50;
    address private constant SPONSOR = address(0x5b0);

    function setUp() public override {
        super.setUp();
        claimed(opened(1), 1_000);
    }

    function test_settleFor_paysThePayeeLessTheFee() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        order.payeeMin = 850;
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        vm.expectEmit(address(channels));
        emit IChannels.Settled(address(token), provider, 850);
        vm.expectEmit(address(channels));
        emit IChannels.SponsorPaid(SPONSOR, provider, address(token), FEE);
        vm.prank(stranger);
        assertEq(850, channels.settleFor(order, signature), 'amount');
        assertEq(850, token.balanceOf(provider), 'provider');
        assertEq(0, owed(provider), 'owed no more');
        assertEq(FEE, owed(SPONSOR), 'sponsor');
        assertEq(0, owed(stranger), 'whoever sent it');
        assertEq(1, channels.settleNonce(provider), 'nonce');
        assertEq(100, owed(TREASURY), 'treasury');
    }

    function test_settleFor_isGoodOnce() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        channels.settleFor(order, signature);
        claimed(sessionChannel(1), 2_000);
        refuse(order, signature, abi.encodeWithSelector(IChannels.NonceMismatch.selector, 1, 0));
        order.nonce = 2;
        signature = settleOrderSignature(PROVIDER_KEY, order);
        refuse(order, signature, abi.encodeWithSelector(IChannels.NonceMismatch.selector, 1, 2));
        order.nonce = 1;
        assertEq(850, channels.settleFor(order, settleOrderSignature(PROVIDER_KEY, order)), 'the next');
    }

    /// Somebody settled first, as anybody may: the order finds nothing, and keeps.
    function test_settleFor_outrunBySettleTakesNothing() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        order.payeeMin = 1;
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        channels.settle(address(token), provider);
        refuse(order, signature, abi.encodeWithSelector(IChannels.FeeTooLarge.selector, 0, FEE));
        // A trifle comes in: it is not spent on the fee.
        claimed(sessionChannel(1), 1_055);
        refuse(order, signature, abi.encodeWithSelector(IChannels.PayeeMinNotMet.selector, 1, 0));
        claimed(sessionChannel(1), 1_060);
        assertEq(4, channels.settleFor(order, signature), 'amount');
    }

    function test_settleFor_keepsThePayeesLeast() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        order.payeeMin = 851;
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        refuse(order, signature, abi.encodeWithSelector(IChannels.PayeeMinNotMet.selector, 851, 850));
        order.fee = 901;
        signature = settleOrderSignature(PROVIDER_KEY, order);
        refuse(order, signature, abi.encodeWithSelector(IChannels.FeeTooLarge.selector, 900, 901));
        (order.fee, order.payeeMin) = (900, 0);
        assertEq(0, channels.settleFor(order, settleOrderSignature(PROVIDER_KEY, order)), 'all of it, as signed');
        assertEq(900, owed(SPONSOR), 'sponsor');
    }

    function test_settleFor_expiresToTheSecond() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        vm.warp(order.validBefore);
        bytes memory problem = abi.encodeWithSelector(
            IChannels.OrderExpired.selector,
            order.validBefore,
            order.validBefore
        );
        refuse(order, signature, problem);
        vm.warp(order.validBefore - 1);
        channels.settleFor(order, signature);
    }

    function test_settleFor_bindsEveryWord() public {
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, orderOf(provider));
        bytes memory problem = abi.encodeWithSelector(Signatures.InvalidSignature.selector, provider);
        IChannels.SettleOrder memory order = orderOf(provider);
        order.sponsor = stranger;
        refuse(order, signature, problem);
        order = orderOf(provider);
        order.fee = FEE + 1;
        refuse(order, signature, problem);
        order = orderOf(provider);
        order.payeeMin = 1;
        refuse(order, signature, problem);
        order = orderOf(provider);
        order.validBefore += 1;
        refuse(order, signature, problem);
        order = orderOf(provider);
        (order.token, order.fee) = (address(0x70), 0);
        refuse(order, signature, problem);
        order = orderOf(TREASURY);
        refuse(order, signature, abi.encodeWithSelector(Signatures.InvalidSignature.selector, TREASURY));
        // Of other keys, on another chain, and after the nonce has moved on.
        order = orderOf(provider);
        uint256[4] memory keys = [TAB_KEY, PAYER_KEY, SESSION_KEY, STRANGER_KEY];
        for (uint256 i = 0; i < 4; ++i) refuse(order, settleOrderSignature(keys[i], order), problem);
        vm.chainId(8453);
        refuse(order, signature, problem);
        vm.chainId(31337);
        channels.settleFor(order, signature);
        order.nonce = 1;
        claimed(sessionChannel(1), 2_000);
        refuse(order, signature, problem);
    }

    function test_settleFor_withoutAFeePaysNobody() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        order.fee = 0;
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        vm.recordLogs();
        assertEq(900, channels.settleFor(order, signature), 'amount');
        assertEq(0, countLogs(IChannels.SponsorPaid.selector), 'nothing was said of a fee');
    }

    function test_settleFor_withoutASponsorsNamePaysWhoeverSends() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        order.sponsor = address(0);
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        vm.prank(stranger);
        channels.settleFor(order, signature);
        assertEq(FEE, owed(stranger), 'stranger');
    }

    /// A payee that names itself loses nothing by it.
    function test_settleFor_oneselfKeepsTheFee() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        order.sponsor = provider;
        channels.settleFor(order, settleOrderSignature(PROVIDER_KEY, order));
        assertEq(FEE, owed(provider), 'still owed');
        assertEq(850, token.balanceOf(provider), 'paid');
    }

    function test_settleFor_trustsAContractWallet() public {
        Wallet wallet = new Wallet(PROVIDER_KEY, Wallet.Mood.Honest);
        IChannels.Channel memory channel = sessionChannel(2);
        channel.provider = address(wallet);
        openAs(channel, DEPOSIT);
        claimed(channel, 1_000);
        IChannels.SettleOrder memory order = orderOf(address(wallet));
        assertEq(850, channels.settleFor(order, settleOrderSignature(PROVIDER_KEY, order)), 'amount');
    }

    function test_settleFor_canBeRevoked() public {
        IChannels.SettleOrder memory order = orderOf(provider);
        bytes memory signature = settleOrderSignature(PROVIDER_KEY, order);
        vm.expectEmit(address(channels));
        emit IChannels.SettleOrdersRevoked(provider, 1);
        vm.prank(provider);
        channels.revokeSettleOrders();
        refuse(order, signature, abi.encodeWithSelector(IChannels.NonceMismatch.selector, 1, 0));
        assertEq(0, channels.settleNonce(stranger), 'of others');
    }

    function orderOf(address payee) private view returns (IChannels.SettleOrder memory) {
        return IChannels.SettleOrder(payee, address(token), SPONSOR, FEE, 0, uint48(present() + 1 hours), 0);
    }

    function refuse(IChannels.SettleOrder memory order, bytes memory signature, bytes memory problem) private {
        vm.expectRevert(problem);
        channels.settleFor(order, signature);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Authorization} from '../Intake.sol';
import {IChannels} from '../IChannels.sol';
import {ChannelsSteps} from './ChannelsSteps.sol';

/// @title The steps of a random walk through everything anybody can do to the channels.
/// @dev Before each call the model says whether it must succeed; a call that does otherwise fails the run.
contract ChannelsHandler is ChannelsSteps {
    constructor() {
        // The walk begins with everything open: what comes after opening is what it is for.
        for (uint256 i = 0; i < CHANNELS; ++i) _open(i, 1_000_000, 0, 0);
    }

    function open(uint256 which, uint104 amount, uint256 how, uint256 seed) external {
        _open(which, amount, how % 5, seed);
    }

    /// @dev By the payer's approval, permit or authorization, by a stranger's own tokens, or by a forged authorization.
    function topUp(uint256 which, uint104 amount, uint256 how, uint256 seed) external {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        amount = uint104(within(amount, 0, 1 << 60));
        how = how % 5;
        address from = how == 3 ? stranger : payer;
        bool fits = _isOpen(model) && channel.deadline == 0 && model.withdrawableAt == 0 && amount != 0;
        fits = fits && _moves(channel.token, from) && how != 4;
        if (how == 2) fits = fits && channel.token == address(token);
        bytes memory call = abi.encodeCall(channels.topUp, (channel, amount));
        if (how == 1) call = abi.encodeCall(channels.topUpWithPermit, (channel, amount, _permit(amount)));
        IChannels.Sponsorship memory sponsorship = how == 2 ? _sponsorship(seed) : unsponsored();
        if (how == 2) {
            Authorization memory given = _authorize(channel, amount, sponsorship);
            call = abi.encodeCall(channels.topUpWithAuthorization, (channel, amount, sponsorship, given));
            fits = fits && sponsorship.fee < amount;
        }
        if (how == 4) {
            Authorization memory forged = _authorize(channel, uint256(amount) + 1);
            call = abi.encodeCall(channels.topUpWithAuthorization, (channel, amount, unsponsored(), forged));
        }
        vm.prank(how == 2 ? stranger : from);
        bool done = _did(fits, call, 'topUp');
        _approve(payer);
        if (done) _deposited(channel, from, amount, sponsorship);
    }

    /// @dev A batch of up to four claims, good and flawed, handed in by one of the parties or a stranger.
    function claim(uint256 seed, uint256 who) external {
        (IChannels.Claim[] memory list, bool[] memory good) = _someClaims(seed);
        address caller = _caller(who);
        uint256 expected = _expectClaims(list, good, caller, 0);
        vm.prank(caller);
        uint256 accepted = channels.claim(list);
        assertEq(expected, accepted, 'accepted');
        // Handing the same batch in again changes nothing, jobs and sessions alike.
        bytes32 before = _fingerprint();
        expected = _expectClaims(list, good, caller, 0);
        vm.prank(caller);
        assertEq(expected, channels.claim(list), 'accepted again');
        assertTrue(before == _fingerprint() || _repeats(list), 'I3: a replay changed something');
        steps['claim'] += accepted;
    }

    /// @dev Before the order is carried out, it is tried with one thing changed: then it must not be.
    function claimFor(uint256 seed, uint104 fee, uint256 change) external {
        (IChannels.Claim[] memory list, bool[] memory good) = _someClaims(seed);
        fee = uint104(within(fee, 0, 1 << 40));
        IChannels.ClaimOrder memory order = orderFor(list, fee);
        bytes memory signature = orderSignature(TAB_KEY, order);
        _refused(_changedOrder(list, order, signature, change % 5), 'I11: an order carried out otherwise than signed');
        uint256 expected = _expectClaims(list, good, tab, fee);
        vm.prank(RELAY);
        assertEq(expected, channels.claimFor(list, order, signature), 'accepted');
        steps['claimFor'] += expected;
    }

    function settle(uint256 which, uint256 who) external {
        address paidIn = tokens()[which % 2];
        address payee = payees()[who % PAYEES];
        uint256 expected = credit[paidIn][payee];
        bool fits = expected == 0 || _moves(paidIn, payee);
        if (!_did(fits, abi.encodeCall(channels.settle, (paidIn, payee)), 'settle')) return;
        credit[paidIn][payee] = 0;
        _paid(paidIn, payee, expected);
        assertEq(0, channels.settle(paidIn, payee), 'settled again');
    }

    /// @dev By the signed order of one of three, good or flawed, handed in by a stranger; then once more.
    function settleFor(uint256 which, uint256 who, uint256 seed, uint256 flaw) external {
        uint256 key = [PROVIDER_KEY, STRANGER_KEY, PAYER_KEY][who % 3];
        address paidIn = tokens()[which % 2];
        address payee = vm.addr(key);
        uint256 whole = credit[paidIn][payee];
        IChannels.Sponsorship memory sponsorship = _sponsorship(seed);
        uint256 least = within(seed >> 128, 0, whole + 1);
        IChannels.SettleOrder memory order = IChannels.SettleOrder(
            payee,
            paidIn,
            sponsorship.sponsor,
            sponsorship.fee,
            uint128(least),
            uint48(present() + 1),
            channels.settleNonce(payee)
        );
        flaw = flaw % 9;
        if (flaw == 0) ++order.nonce;
        if (flaw == 1) order.validBefore = uint48(present());
        bytes memory signature = settleOrderSignature(flaw == 2 ? TAB_KEY : key, order);
        if (flaw == 3) ++order.fee;
        if (flaw == 4) order.sponsor = address(0x5b0b);
        bool fits = flaw > 4 && order.fee <= whole && whole - order.fee >= least && _moves(paidIn, payee);
        bytes memory call = abi.encodeCall(channels.settleFor, (order, signature));
        vm.prank(stranger);
        if (!_did(fits, call, 'settleFor')) return;
        credit[paidIn][payee] = 0;
        credit[paidIn][_sponsorOf(sponsorship, stranger)] += order.fee;
        _paid(paidIn, payee, whole - order.fee);
        _refused(call, 'I11: an order to settle used twice');
    }

    function close(uint256 which, uint128 finalAmount, uint256 flaw) external {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        finalAmount = uint128(within(finalAmount, 0, model.balance + 2));
        if (finalAmount % 4 == 0) finalAmount = uint128(model.claimed);
        bool more = finalAmount > model.claimed;
        flaw = flaw % 24;
        bool fits = _isOpen(model) && finalAmount >= model.claimed && finalAmount <= model.balance && flaw >= 6;
        if (more && channel.deadline != 0) fits = fits && present() <= channel.deadline;
        if (more && flaw < 14) fits = false;
        if (finalAmount != model.balance) fits = fits && _moves(channel.token, payer);
        bytes memory agreed = closeSignature(TAB_KEY, idOf(channel), finalAmount);
        if (flaw < 6) agreed = flawedClose(idOf(channel), finalAmount, flaw);
        bytes memory paid = voucher(channel, finalAmount);
        if (flaw >= 6 && flaw < 14) paid = flawedVoucher(channel, finalAmount, flaw - 6);
        if (!_did(fits, abi.encodeCall(channels.close, (channel, finalAmount, paid, agreed)), 'close')) return;
        if (more) _credit(channel, model.claimed, finalAmount, 0);
        _ended(channel, model, finalAmount);
        model.paid = finalAmount > 0;
    }

    function announce(uint256 which, uint256 who) external {
        _announce(which, _caller(who));
    }

    function announceFor(uint256 which, uint256 flaw, uint256 seed) external {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        flaw = flaw % 10;
        bytes32 id = idOf(channel);
        IChannels.Sponsorship memory sponsorship = _sponsorship(seed);
        bytes32 structHash = withdrawalHash(id, sponsorship);
        uint256 key = flaw % 2 == 0 ? PAYER_KEY : SESSION_KEY;
        bytes memory given = withdrawalSignature(key, id, sponsorship);
        if (flaw == 0) given = withdrawalSignature(STRANGER_KEY, id, sponsorship);
        if (flaw == 1) given = withdrawalSignature(SESSION_KEY, keccak256(abi.encode(id)), sponsorship);
        if (flaw == 2) given = voucher(channel, 0);
        if (flaw == 3) given = signed(SESSION_KEY, typed(domainOf(8453, address(channels)), structHash));
        if (flaw == 4) given = highS(SESSION_KEY, ours(structHash));
        if (flaw == 5) ++sponsorship.fee;
        bool fits = _isOpen(model) && channel.deadline == 0 && model.withdrawableAt == 0 && flaw > 5;
        fits = fits && sponsorship.fee <= (model.balance - model.claimed) / (key == PAYER_KEY ? 1 : 10);
        vm.prank(stranger);
        if (!_did(fits, abi.encodeCall(channels.announceWithdrawalFor, (channel, sponsorship, given)), 'announceFor'))
            return;
        model.withdrawableAt = present() + channel.delay;
        if (sponsorship.fee == 0) return;
        (model.sponsor, model.fee) = (_sponsorOf(sponsorship, stranger), sponsorship.fee);
    }

    function withdraw(uint256 which) external {
        _withdraw(which);
    }

    /// @dev A whole departure, which chance alone seldom completes: announce, try too early, wait to the second, leave.
    function depart(uint256 which) external {
        _announce(which, payer);
        uint256 due = _models[idOf(_pick(which))].withdrawableAt;
        if (due <= present()) return;
        vm.warp(due - 1);
        _withdraw(which);
        vm.warp(due);
        _withdraw(which);
    }

    function refund(uint256 which) external {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        bool fits = _isOpen(model) && channel.deadline != 0 && present() > channel.deadline;
        fits = fits && _moves(channel.token, payer);
        if (!_did(fits, abi.encodeCall(channels.refund, (channel)), 'refund')) return;
        _ended(channel, model, model.claimed);
        model.refunded = true;
    }

    function pass(uint32 time) external {
        vm.warp(present() + within(time, 1, 30 hours));
        ++steps['pass'];
    }

    function donate(uint256 which, uint64 amount) external {
        if (which % 2 == 0) token.mint(address(channels), amount);
        else hostile.mint(address(channels), amount);
        donated[tokens()[which % 2]] += amount;
        ++steps['donate'];
    }

    /// @dev One token stops moving for somebody, or moves again.
    function block_(uint256 who, uint256 seed) external {
        hostile.setBlocked(payees()[who % PAYEES], seed % 3 == 0);
        ++steps['block'];
    }

    /// @dev A share or a treasury, good or bad, announced and waited for, with an attempt a second too early.
    function govern(uint16 share_, uint256 which) external {
        share_ = uint16(within(share_, 0, 2_400));
        address treasury_ = [TREASURY, OTHER_TREASURY, address(0), address(channels)][(which >> 1) % 4];
        bool fits = which % 2 == 0 ? share_ <= 2_000 : treasury_ == TREASURY || treasury_ == OTHER_TREASURY;
        bytes memory call = abi.encodeCall(channels.setShare, (share_));
        if (which % 2 == 1) call = abi.encodeCall(channels.setTreasury, (treasury_));
        bool governed = channels.owner() != address(0);
        vm.prank(GOVERNOR);
        if (!_did(governed, abi.encodeCall(channels.schedule, (call)), 'schedule')) return;
        uint256 before = present();
        vm.warp(before + 7 days - 1);
        _refused(abi.encodeCall(channels.execute, (call)), 'G1: executed before its time');
        vm.warp(before + 7 days);
        bool done = _did(fits, abi.encodeCall(channels.execute, (call)), 'execute');
        vm.warp(before);
        if (done && which % 2 == 0) share = share_;
        if (done && which % 2 == 1) treasury = treasury_;
        if (done) return;
        vm.prank(GOVERNOR);
        channels.cancel(keccak256(call));
    }

    /// @dev What governance may not do at once, and nobody else at all.
    function intrude(uint16 share_, uint256 who) external {
        bytes memory call = abi.encodeCall(channels.setShare, (share_));
        vm.startPrank(who % 2 == 0 ? GOVERNOR : stranger);
        (bool done, ) = address(channels).call(who % 4 < 2 ? call : abi.encodeCall(channels.execute, (call)));
        vm.stopPrank();
        assertTrue(!done, 'G1: changed without notice');
        _refused(abi.encodeCall(channels.setTreasury, (stranger)), 'G1: a treasury without notice');
        _refused(abi.encodeCall(channels.schedule, (call)), 'G1: announced by a stranger');
    }

    /// @dev Now and then governance goes away for good. Everything else must go on as if nothing had happened.
    function abandon(uint256 seed) external {
        if (seed % 16 != 0 || channels.owner() == address(0)) return;
        vm.prank(GOVERNOR);
        channels.renounceOwnership();
        ++steps['abandon'];
    }

    // Inside.

    /// @dev By the payer's approval, permit or authorization; by a stranger's call; by a forged authorization.
    function _open(uint256 which, uint104 amount, uint256 how, uint256 seed) private {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        amount = uint104(within(amount, 0, 1 << 60));
        bool fits = !model.exists && amount != 0 && _moves(channel.token, payer) && how < 3;
        if (channel.deadline != 0) {
            fits = fits && channel.deadline > present() && channel.deadline <= present() + 30 days;
        }
        if (how == 2) fits = fits && channel.token == address(token);
        bytes memory call = abi.encodeCall(channels.open, (channel, amount));
        if (how == 1) call = abi.encodeCall(channels.openWithPermit, (channel, amount, _permit(amount)));
        IChannels.Sponsorship memory sponsorship = how == 2 ? _sponsorship(seed) : unsponsored();
        if (how == 2) {
            Authorization memory given = _authorize(channel, amount, sponsorship);
            call = abi.encodeCall(channels.openWithAuthorization, (channel, amount, sponsorship, given));
            fits = fits && sponsorship.fee < amount;
        }
        if (how == 4) {
            Authorization memory forged = _authorize(_pick((which % CHANNELS) + 1), amount);
            call = abi.encodeCall(channels.openWithAuthorization, (channel, amount, unsponsored(), forged));
        }
        vm.prank(how < 2 ? payer : stranger);
        bool done = _did(fits, call, 'open');
        _approve(payer);
        if (!done) return;
        model.exists = true;
        _deposited(channel, payer, amount, sponsorship);
    }
}

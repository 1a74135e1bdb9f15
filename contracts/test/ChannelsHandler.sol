// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Channels} from '../Channels.sol';
import {IChannels} from '../IChannels.sol';
import {TestUSDC} from '../tokens/TestUSDC.sol';
import {ChannelsFixture} from './ChannelsFixture.sol';

/// @title A random walk through everything anybody can do to the channels, with a model walking beside it.
/// @dev Before each call the model says whether it must succeed; a call that does otherwise fails the run. What the
/// model believes of balances, credit and tokens is compared with the contract after every step.
contract ChannelsHandler is ChannelsFixture {
    struct Model {
        bool exists;
        bool ended;
        bool paid;
        bool refunded;
        uint256 balance;
        uint256 claimed;
        uint256 withdrawableAt;
        uint256 owedPayer;
    }

    uint256 public constant CHANNELS = 5;

    TestUSDC[2] public tokens;
    IChannels.Channel[] private _channels;
    mapping(bytes32 id => Model model) private _models;
    mapping(address token => mapping(address payee => uint256 amount)) public credit;
    mapping(address token => uint256 amount) public donated;
    mapping(address token => uint256 amount) public moneyIn;
    mapping(address token => uint256 amount) public moneyOut;
    mapping(string step => uint256 count) public steps;
    uint256 public share = 1_000;

    constructor() {
        setUp();
        tokens[0] = token;
        tokens[1] = new TestUSDC();
        for (uint256 i = 0; i < 2; ++i) {
            tokens[i].mint(payer, 1 << 110);
            vm.prank(payer);
            tokens[i].approve(address(channels), type(uint256).max);
        }
        for (uint256 i = 0; i < CHANNELS; ++i) {
            bool job = i >= 3;
            _channels.push(
                IChannels.Channel(
                    payer,
                    session,
                    i % 2 == 0 ? provider : stranger,
                    tab,
                    address(tokens[i % 3 == 0 ? 1 : 0]),
                    job ? 0 : uint48(24 hours + i * 1 hours),
                    job ? uint48(present() + (i - 2) * 3 days) : 0,
                    bytes32(i)
                )
            );
        }
        // The walk begins with everything open: what comes after opening is what it is for.
        for (uint256 i = 0; i < CHANNELS; ++i) _open(i, 1_000_000);
    }

    // Steps.

    function open(uint256 which, uint104 amount) external {
        _open(which, amount);
    }

    function topUp(uint256 which, uint104 amount) external {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        amount = uint104(within(amount, 0, 1 << 60));
        bool fits = _isOpen(model) && channel.deadline == 0 && model.withdrawableAt == 0 && amount != 0;
        vm.prank(payer);
        if (!_did(fits, abi.encodeCall(channels.topUp, (channel, amount)), 'topUp')) return;
        model.balance += amount;
        moneyIn[channel.token] += amount;
    }

    /// @dev A batch of up to four claims, good and bad, handed in by one of the parties or a stranger.
    function claim(uint256 seed, uint256 who) external {
        IChannels.Claim[] memory list = _someClaims(seed);
        address caller = _caller(who);
        uint256 expected = _expectClaims(list, caller, false, 0);
        vm.prank(caller);
        uint256 accepted = channels.claim(list);
        assertEq(expected, accepted, 'accepted');
        // Handing the same batch in again changes nothing, jobs and sessions alike.
        bytes32 before = fingerprint();
        vm.prank(caller);
        assertEq(_expectClaims(list, caller, false, 0), channels.claim(list), 'accepted again');
        assertTrue(before == fingerprint() || _repeats(list), 'a replay changed something');
        steps['claim'] += accepted;
    }

    function claimFor(uint256 seed, uint104 fee) external {
        IChannels.Claim[] memory list = _someClaims(seed);
        fee = uint104(within(fee, 0, 1 << 40));
        IChannels.ClaimOrder memory order = orderFor(list, fee);
        bytes memory signature = orderSignature(TAB_KEY, order);
        uint256 expected = _expectClaims(list, tab, true, fee);
        vm.prank(RELAY);
        assertEq(expected, channels.claimFor(list, order, signature), 'accepted');
        steps['claimFor'] += expected;
    }

    function settle(uint256 which, uint256 who) external {
        address paidIn = address(tokens[which % 2]);
        address[5] memory all = [provider, stranger, TREASURY, RELAY, payer];
        address payee = all[who % 5];
        uint256 expected = credit[paidIn][payee];
        uint256 before = TestUSDC(paidIn).balanceOf(payee);
        assertEq(expected, channels.settle(paidIn, payee), 'settled');
        assertEq(before + expected, TestUSDC(paidIn).balanceOf(payee), 'arrived');
        credit[paidIn][payee] = 0;
        moneyOut[paidIn] += expected;
        assertEq(0, channels.settle(paidIn, payee), 'settled again');
        ++steps['settle'];
    }

    function close(uint256 which, uint128 finalAmount, uint256 key) external {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        finalAmount = uint128(within(finalAmount, 0, model.balance + 2));
        if (finalAmount % 4 == 0) finalAmount = uint128(model.claimed);
        bool agreed = key % 4 != 0;
        bool fits = _isOpen(model) && finalAmount >= model.claimed && finalAmount <= model.balance && agreed;
        if (finalAmount > model.claimed && channel.deadline != 0) fits = fits && present() <= channel.deadline;
        bytes memory signature = closeSignature(agreed ? TAB_KEY : STRANGER_KEY, idOf(channel), finalAmount);
        bytes memory paid = voucher(channel, finalAmount);
        uint256 before = TestUSDC(channel.token).balanceOf(payer);
        if (!_did(fits, abi.encodeCall(channels.close, (channel, finalAmount, paid, signature)), 'close')) return;
        if (finalAmount > model.claimed) _credit(channel, model.claimed, finalAmount, 0);
        _ended(channel, model, finalAmount, before);
        model.paid = finalAmount > 0;
    }

    function announce(uint256 which, uint256 who) external {
        _announce(which, _caller(who));
    }

    function withdraw(uint256 which) external {
        _withdraw(which);
    }

    /// @dev A whole departure, which chance alone seldom completes: announce, try too early, wait to the second, leave.
    function leave(uint256 which) external {
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
        uint256 before = TestUSDC(channel.token).balanceOf(payer);
        if (!_did(fits, abi.encodeCall(channels.refund, (channel)), 'refund')) return;
        _ended(channel, model, model.claimed, before);
        model.refunded = true;
    }

    function pass(uint32 time) external {
        vm.warp(present() + within(time, 1, 30 hours));
        ++steps['pass'];
    }

    function donate(uint256 which, uint64 amount) external {
        tokens[which % 2].mint(address(channels), amount);
        donated[address(tokens[which % 2])] += amount;
        ++steps['donate'];
    }

    function govern(uint16 share_) external {
        share_ = uint16(within(share_, 0, 2_000));
        bytes memory call = abi.encodeCall(channels.setShare, (share_));
        if (channels.readyAt(keccak256(call)) != 0) return;
        vm.prank(GOVERNOR);
        channels.schedule(call);
        uint256 before = present();
        vm.warp(before + 7 days);
        channels.execute(call);
        vm.warp(before);
        share = share_;
        ++steps['govern'];
    }

    // What the invariants look at.

    function pot() external view returns (Channels) {
        return channels;
    }

    function channelAt(uint256 index) external view returns (bytes32 id, address paidIn, Model memory model) {
        id = idOf(_channels[index]);
        return (id, _channels[index].token, _models[id]);
    }

    function payees() external view returns (address[5] memory) {
        return [provider, stranger, TREASURY, RELAY, payer];
    }

    // Inside.

    function _open(uint256 which, uint104 amount) private {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        amount = uint104(within(amount, 0, 1 << 60));
        bool fits = !model.exists && amount != 0;
        if (channel.deadline != 0) fits = fits && channel.deadline > present();
        if (channel.deadline != 0) fits = fits && channel.deadline <= present() + 30 days;
        vm.prank(payer);
        if (!_did(fits, abi.encodeCall(channels.open, (channel, amount)), 'open')) return;
        (model.exists, model.balance) = (true, amount);
        moneyIn[channel.token] += amount;
    }

    function _withdraw(uint256 which) private {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        bool fits = _isOpen(model) && model.withdrawableAt != 0 && present() >= model.withdrawableAt;
        uint256 before = TestUSDC(channel.token).balanceOf(payer);
        if (!_did(fits, abi.encodeCall(channels.withdraw, (channel)), 'withdraw')) return;
        _ended(channel, model, model.claimed, before);
    }

    function _announce(uint256 which, address caller) private {
        IChannels.Channel memory channel = _pick(which);
        Model storage model = _models[idOf(channel)];
        bool fits = _isOpen(model) && channel.deadline == 0 && model.withdrawableAt == 0;
        fits = fits && (caller == payer || caller == session);
        vm.prank(caller);
        if (!_did(fits, abi.encodeCall(channels.announceWithdrawal, (channel)), 'announce')) return;
        model.withdrawableAt = present() + channel.delay;
    }

    function fingerprint() private view returns (bytes32 sum) {
        for (uint256 i = 0; i < CHANNELS; ++i) {
            sum = keccak256(abi.encode(sum, channels.stateOf(idOf(_channels[i]))));
        }
        address[4] memory all = [provider, stranger, TREASURY, payer];
        for (uint256 i = 0; i < 8; ++i) {
            sum = keccak256(abi.encode(sum, channels.owed(address(tokens[i % 2]), all[i / 2])));
        }
    }

    function _pick(uint256 which) private view returns (IChannels.Channel memory) {
        return _channels[which % CHANNELS];
    }

    function _caller(uint256 who) private view returns (address) {
        address[6] memory all = [payer, session, provider, tab, stranger, RELAY];
        return all[who % 6];
    }

    function _isOpen(Model storage model) private view returns (bool) {
        return model.exists && !model.ended;
    }

    /// @dev Makes the call and holds it to the model's expectation.
    function _did(bool expected, bytes memory call, string memory step) private returns (bool done) {
        (done, ) = address(channels).call(call);
        assertTrue(done == expected, step);
        if (done) ++steps[step];
    }

    function _ended(
        IChannels.Channel memory channel,
        Model storage model,
        uint256 claimedInAll,
        uint256 payerBefore
    ) private {
        uint256 rest = model.balance - claimedInAll;
        assertEq(payerBefore + rest, TestUSDC(channel.token).balanceOf(payer), 'returned');
        moneyOut[channel.token] += rest;
        (model.balance, model.claimed, model.ended) = (claimedInAll, claimedInAll, true);
    }

    function _credit(IChannels.Channel memory channel, uint256 former, uint256 amount, uint256 fee) private {
        uint256 part = (amount * share) / 10_000 - (former * share) / 10_000;
        uint256 rest = amount - former - part;
        if (fee > rest) fee = rest;
        credit[channel.token][TREASURY] += part;
        credit[channel.token][channel.provider] += rest - fee;
        credit[channel.token][RELAY] += fee;
    }

    /// @dev Walks the model through a batch and says how many must be accepted. Every claim carries its own truth in
    /// the last byte of its signature's key, see `_someClaims`; here it is checked by recovering nothing but intent.
    function _expectClaims(
        IChannels.Claim[] memory list,
        address actor,
        bool ordered,
        uint256 fee
    ) private returns (uint256 accepted) {
        for (uint256 i = 0; i < list.length; ++i) {
            IChannels.Channel memory channel = list[i].channel;
            Model storage model = _models[idOf(channel)];
            uint256 amount = list[i].cumulativeAmount;
            if (!_isOpen(model) || amount <= model.claimed || amount > model.balance) continue;
            if (channel.deadline != 0) {
                if (present() > channel.deadline) continue;
                if (actor != channel.provider && actor != tab) continue;
            }
            if (ordered && channel.providerSigner != actor) continue;
            if (keccak256(list[i].signature) != keccak256(voucher(channel, uint128(amount)))) continue;
            ++accepted;
            _credit(channel, model.claimed, amount, fee);
            model.claimed = amount;
            if (channel.deadline == 0) continue;
            uint256 rest = model.balance - amount;
            credit[channel.token][payer] += rest;
            (model.balance, model.ended, model.paid) = (amount, true, true);
        }
    }

    /// @dev A batch that names a channel twice with falling amounts credits nothing twice, but its second run may find
    /// the smaller one stale where the first found it first; such a batch is not compared.
    function _repeats(IChannels.Claim[] memory list) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            for (uint256 j = i + 1; j < list.length; ++j) {
                if (idOf(list[i].channel) == idOf(list[j].channel)) return true;
            }
        }
        return false;
    }

    function _someClaims(uint256 seed) private view returns (IChannels.Claim[] memory list) {
        list = new IChannels.Claim[](1 + (seed % 4));
        for (uint256 i = 0; i < list.length; ++i) {
            seed = uint256(keccak256(abi.encode(seed, i)));
            IChannels.Channel memory channel = _pick(seed);
            Model storage model = _models[idOf(channel)];
            uint128 amount = uint128(within(seed >> 8, 0, model.balance + 1));
            list[i] = claimOf(channel, amount);
            uint256 fault = (seed >> 200) % 8;
            if (fault == 0) list[i].signature = voucher(_pick(seed + 1), amount);
            if (fault == 1) list[i].signature = voucher(channel, amount + 1);
            if (fault == 2) list[i].signature = signed(STRANGER_KEY, ours(voucherHash(idOf(channel), amount)));
        }
    }
}

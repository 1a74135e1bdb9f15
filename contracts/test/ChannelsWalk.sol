// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {Channels} from '../Channels.sol';
import {IChannels} from '../IChannels.sol';
import {Forgeries} from './Forgeries.sol';
import {HostileToken} from './HostileToken.sol';
import {Wallet} from './Wallets.sol';

/// @title The model that walks beside the channels: what it believes is compared with the contract after every step.
/// @dev Five channels over two tokens, one of which blocks people; three sessions, one of them signed by a contract
/// wallet, and two jobs.
abstract contract ChannelsWalk is Forgeries {
    struct Model {
        bool exists;
        bool ended;
        bool paid;
        bool refunded;
        uint256 balance;
        uint256 claimed;
        uint256 withdrawableAt;
        address sponsor;
        uint256 fee;
    }

    uint256 public constant CHANNELS = 5;
    uint256 public constant PAYEES = 6;
    address internal constant OTHER_TREASURY = address(0x74);

    HostileToken internal hostile;
    IChannels.Channel[] private _channels;
    mapping(bytes32 id => Model model) internal _models;
    mapping(address token => mapping(address payee => uint256 amount)) public credit;
    /// @notice What everybody must have in their pocket.
    mapping(address token => mapping(address who => uint256 amount)) public purse;
    mapping(address token => uint256 amount) public donated;
    mapping(address token => uint256 amount) public moneyIn;
    mapping(address token => uint256 amount) public moneyOut;
    mapping(string step => uint256 count) public steps;
    uint256 public share = 1_000;
    address public treasury = TREASURY;
    uint256 internal salts;

    constructor() {
        setUp();
        hostile = new HostileToken();
        address wallet = address(new Wallet(SESSION_KEY, Wallet.Mood.Honest));
        for (uint256 i = 0; i < CHANNELS; ++i) {
            bool job = i >= 3;
            _channels.push(
                IChannels.Channel(
                    payer,
                    i == 2 ? wallet : session,
                    i % 2 == 0 ? provider : stranger,
                    tab,
                    i % 3 == 0 ? address(hostile) : address(token),
                    job ? 0 : uint48(24 hours + i * 1 hours),
                    job ? uint48(present() + (i - 2) * 3 days) : 0,
                    bytes32(i)
                )
            );
        }
        _fund(payer);
        _fund(stranger);
    }

    // What the invariants look at.

    function pot() external view returns (Channels) {
        return channels;
    }

    function tokens() public view returns (address[2] memory) {
        return [address(token), address(hostile)];
    }

    function channelAt(uint256 index) external view returns (bytes32 id, address paidIn, Model memory model) {
        id = idOf(_channels[index]);
        return (id, _channels[index].token, _models[id]);
    }

    function payees() public view returns (address[PAYEES] memory) {
        return [provider, stranger, TREASURY, OTHER_TREASURY, RELAY, payer];
    }

    // Inside.

    /// @dev Makes the call and holds it to the model's expectation.
    function _did(bool expected, bytes memory call, string memory step) internal returns (bool done) {
        (done, ) = address(channels).call(call);
        assertTrue(done == expected, step);
        if (done) ++steps[step];
    }

    /// @dev A call that must fail, and change nothing.
    function _refused(bytes memory call, string memory why) internal {
        bytes32 before = _fingerprint();
        vm.prank(stranger);
        (bool done, ) = address(channels).call(call);
        assertTrue(!done, why);
        assertEq(before, _fingerprint(), why);
    }

    function _deposited(
        IChannels.Channel memory channel,
        address from,
        uint256 amount,
        IChannels.Sponsorship memory sponsorship
    ) internal {
        _models[idOf(channel)].balance += amount - sponsorship.fee;
        credit[channel.token][_sponsorOf(sponsorship, stranger)] += sponsorship.fee;
        moneyIn[channel.token] += amount;
        purse[channel.token][from] -= amount;
    }

    function _paid(address paidIn, address payee, uint256 amount) internal {
        moneyOut[paidIn] += amount;
        purse[paidIn][payee] += amount;
    }

    function _ended(IChannels.Channel memory channel, Model storage model, uint256 claimedInAll) internal {
        uint256 rest = model.balance - claimedInAll;
        uint256 fee = model.fee < rest ? model.fee : rest;
        credit[channel.token][model.sponsor] += fee;
        _paid(channel.token, payer, rest - fee);
        (model.balance, model.claimed, model.ended) = (claimedInAll, claimedInAll, true);
    }

    function _credit(IChannels.Channel memory channel, uint256 former, uint256 amount, uint256 fee) internal {
        uint256 part = (amount * share) / 10_000 - (former * share) / 10_000;
        uint256 rest = amount - former - part;
        if (fee > rest) fee = rest;
        credit[channel.token][treasury] += part;
        credit[channel.token][channel.provider] += rest - fee;
        credit[channel.token][RELAY] += fee;
    }

    /// @dev Walks the model through a batch and says how many must be accepted. Whom a token blocks does not matter.
    function _expectClaims(
        IChannels.Claim[] memory list,
        bool[] memory good,
        address actor,
        uint256 fee
    ) internal returns (uint256 accepted) {
        for (uint256 i = 0; i < list.length; ++i) {
            IChannels.Channel memory channel = list[i].channel;
            Model storage model = _models[idOf(channel)];
            uint256 amount = list[i].cumulativeAmount;
            if (!good[i] || !_isOpen(model) || amount <= model.claimed || amount > model.balance) continue;
            bool isJob = channel.deadline != 0;
            if (isJob && (present() > channel.deadline || (actor != channel.provider && actor != tab))) continue;
            ++accepted;
            _credit(channel, model.claimed, amount, fee);
            model.claimed = amount;
            if (!isJob) continue;
            credit[channel.token][payer] += model.balance - amount;
            (model.balance, model.ended, model.paid) = (amount, true, true);
        }
    }

    /// @dev A batch of up to four claims, good and flawed, and which are good.
    function _someClaims(uint256 seed) internal view returns (IChannels.Claim[] memory list, bool[] memory good) {
        list = new IChannels.Claim[](1 + (seed % 4));
        good = new bool[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            seed = uint256(keccak256(abi.encode(seed, i)));
            IChannels.Channel memory channel = _pick(seed);
            uint128 amount = uint128(within(seed >> 8, 0, _models[idOf(channel)].balance + 1));
            list[i] = claimOf(channel, amount);
            uint256 flaw = (seed >> 200) % (2 * FLAWS);
            good[i] = flaw >= FLAWS || (flaw == FLAWS - 1 && channel.payerSigner != session);
            if (flaw < FLAWS) list[i].signature = flawedVoucher(channel, amount, flaw);
        }
    }

    /// @dev A batch that names a channel twice with falling amounts credits nothing twice, but its second run may find
    /// the smaller one stale where the first found it first; such a batch is not compared.
    function _repeats(IChannels.Claim[] memory list) internal pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            for (uint256 j = i + 1; j < list.length; ++j) {
                if (idOf(list[i].channel) == idOf(list[j].channel)) return true;
            }
        }
        return false;
    }

    function _fingerprint() internal view returns (bytes32 sum) {
        for (uint256 i = 0; i < CHANNELS; ++i) {
            sum = keccak256(abi.encode(sum, channels.stateOf(idOf(_channels[i]))));
        }
        address[PAYEES] memory all = payees();
        for (uint256 i = 0; i < 2 * PAYEES; ++i) {
            sum = keccak256(abi.encode(sum, channels.owed(tokens()[i % 2], all[i / 2])));
        }
    }

    /// @dev Who is paid for sending: whom the signer named, or the sender.
    function _sponsorOf(IChannels.Sponsorship memory given, address sender) internal pure returns (address) {
        return given.sponsor == address(0) ? sender : given.sponsor;
    }

    function _isOpen(Model storage model) internal view returns (bool) {
        return model.exists && !model.ended;
    }

    /// @dev Whether `who` can send and receive `paidIn`.
    function _moves(address paidIn, address who) internal view returns (bool) {
        return paidIn != address(hostile) || !hostile.blocked(who);
    }

    function _pick(uint256 which) internal view returns (IChannels.Channel memory) {
        return _channels[which % CHANNELS];
    }

    function _caller(uint256 who) internal view returns (address) {
        address[6] memory all = [payer, session, provider, tab, stranger, RELAY];
        return all[who % 6];
    }

    function _fund(address who) private {
        token.mint(who, 1 << 110);
        hostile.mint(who, 1 << 110);
        _approve(who);
        for (uint256 i = 0; i < 2; ++i) purse[tokens()[i]][who] = IERC20(tokens()[i]).balanceOf(who);
    }

    /// @dev A permit replaces what was approved.
    function _approve(address who) internal {
        vm.prank(who);
        token.approve(address(channels), type(uint256).max);
    }
}

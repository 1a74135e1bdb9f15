// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Channels} from '../Channels.sol';
import {Authorization, Permit} from '../Intake.sol';
import {IChannels} from '../IChannels.sol';
import {TestUSDC} from '../tokens/TestUSDC.sol';
import {Test} from './Test.sol';
import {Vm} from './Vm.sol';

/// @title A payer and a provider with their keys, play money, and everything they can sign.
/// @dev The typed messages are spelled out here once more, apart from the contract: a slip in either shows.
abstract contract ChannelsFixture is Test {
    uint256 internal constant PAYER_KEY = 0xa11ce;
    uint256 internal constant SESSION_KEY = 0x5e55;
    uint256 internal constant PROVIDER_KEY = 0xb0b;
    uint256 internal constant TAB_KEY = 0x7ab;
    uint256 internal constant STRANGER_KEY = 0xbad;

    uint48 internal constant DELAY = 24 hours;
    uint48 internal constant CLOSED = type(uint48).max;
    uint128 internal constant DEPOSIT = 10_000_000;

    address internal immutable payer = vm.addr(PAYER_KEY);
    address internal immutable session = vm.addr(SESSION_KEY);
    address internal immutable provider = vm.addr(PROVIDER_KEY);
    address internal immutable tab = vm.addr(TAB_KEY);
    address internal immutable stranger = vm.addr(STRANGER_KEY);
    address internal constant GOVERNOR = address(0x60);
    address internal constant TREASURY = address(0x73);
    address internal constant RELAY = address(0x4e1a);

    TestUSDC internal token;
    Channels internal channels;

    function setUp() public virtual {
        vm.chainId(31337);
        vm.warp(1_800_000_000);
        token = new TestUSDC();
        channels = new Channels(GOVERNOR, TREASURY, 1_000);
        fund(payer, 1_000_000_000_000);
    }

    function fund(address who, uint256 amount) internal {
        token.mint(who, amount);
        vm.prank(who);
        token.approve(address(channels), type(uint256).max);
    }

    function sessionChannel(uint256 salt) internal view returns (IChannels.Channel memory) {
        return IChannels.Channel(payer, session, provider, tab, address(token), DELAY, 0, bytes32(salt));
    }

    function jobChannel(uint256 salt) internal view returns (IChannels.Channel memory) {
        uint48 deadline = uint48(present() + 1 hours);
        return IChannels.Channel(payer, session, provider, tab, address(token), 0, deadline, bytes32(salt));
    }

    function openAs(IChannels.Channel memory channel, uint128 amount) internal returns (bytes32) {
        vm.prank(channel.payer);
        return channels.open(channel, amount);
    }

    function opened(uint256 salt) internal returns (IChannels.Channel memory channel) {
        channel = sessionChannel(salt);
        openAs(channel, DEPOSIT);
    }

    function openedJob(uint256 salt) internal returns (IChannels.Channel memory channel) {
        channel = jobChannel(salt);
        openAs(channel, DEPOSIT);
    }

    function idOf(IChannels.Channel memory channel) internal pure returns (bytes32) {
        return keccak256(abi.encode(channel));
    }

    function stateOf(IChannels.Channel memory channel) internal view returns (IChannels.ChannelState memory) {
        return channels.stateOf(idOf(channel));
    }

    function assertState(
        IChannels.Channel memory channel,
        uint256 balance,
        uint256 claimed_,
        uint256 withdrawableAt
    ) internal view {
        IChannels.ChannelState memory state = stateOf(channel);
        assertEq(balance, state.balance, 'balance');
        assertEq(claimed_, state.claimed, 'claimed');
        assertEq(withdrawableAt, state.withdrawableAt, 'withdrawableAt');
    }

    function owed(address payee) internal view returns (uint256) {
        return channels.owed(address(token), payee);
    }

    // What is signed.

    function domainOf(uint256 chain, address verifier) internal pure returns (bytes32) {
        return domain('Tabloom Channels', '1', chain, verifier);
    }

    function domain(
        string memory name,
        string memory version,
        uint256 chain,
        address verifier
    ) internal pure returns (bytes32) {
        bytes32 kind = keccak256('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)');
        return keccak256(abi.encode(kind, keccak256(bytes(name)), keccak256(bytes(version)), chain, verifier));
    }

    function typed(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex'1901', separator, structHash));
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function ours(bytes32 structHash) internal view returns (bytes32) {
        return typed(domainOf(block.chainid, address(channels)), structHash);
    }

    function voucherHash(bytes32 id, uint128 amount) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256('Voucher(bytes32 channelId,uint128 cumulativeAmount)'), id, amount));
    }

    function voucher(IChannels.Channel memory channel, uint128 amount) internal view returns (bytes memory) {
        return signed(SESSION_KEY, ours(voucherHash(idOf(channel), amount)));
    }

    function claimOf(IChannels.Channel memory channel, uint128 amount) internal view returns (IChannels.Claim memory) {
        return IChannels.Claim(channel, amount, voucher(channel, amount));
    }

    function one(IChannels.Claim memory only) internal pure returns (IChannels.Claim[] memory list) {
        list = new IChannels.Claim[](1);
        list[0] = only;
    }

    function claimed(IChannels.Channel memory channel, uint128 amount) internal {
        assertEq(1, channels.claim(one(claimOf(channel, amount))), 'accepted');
    }

    function closeSignature(uint256 key, bytes32 id, uint128 amount) internal view returns (bytes memory) {
        bytes32 kind = keccak256('Close(bytes32 channelId,uint128 finalAmount)');
        return signed(key, ours(keccak256(abi.encode(kind, id, amount))));
    }

    function withdrawalSignature(uint256 key, bytes32 id) internal view returns (bytes memory) {
        return withdrawalSignature(key, id, unsponsored());
    }

    function withdrawalSignature(
        uint256 key,
        bytes32 id,
        IChannels.Sponsorship memory sponsorship
    ) internal view returns (bytes memory) {
        return signed(key, ours(withdrawalHash(id, sponsorship)));
    }

    function withdrawalHash(bytes32 id, IChannels.Sponsorship memory sponsorship) internal pure returns (bytes32) {
        bytes32 kind = keccak256('Withdrawal(bytes32 channelId,address sponsor,uint96 fee)');
        return keccak256(abi.encode(kind, id, sponsorship.sponsor, sponsorship.fee));
    }

    function unsponsored() internal pure returns (IChannels.Sponsorship memory) {
        return IChannels.Sponsorship(address(0), 0);
    }

    function settleOrderSignature(
        uint256 key,
        IChannels.SettleOrder memory order
    ) internal view returns (bytes memory) {
        bytes32 kind = keccak256(
            'SettleOrder(address payee,address token,address sponsor,uint96 fee,uint128 payeeMin,uint48 validBefore,uint256 nonce)'
        );
        bytes memory words = abi.encode(kind, order.payee, order.token, order.sponsor, order.fee, order.payeeMin);
        return signed(key, ours(keccak256(abi.encodePacked(words, abi.encode(order.validBefore, order.nonce)))));
    }

    function orderFor(
        IChannels.Claim[] memory claims,
        uint128 fee
    ) internal view returns (IChannels.ClaimOrder memory) {
        bytes memory named;
        for (uint256 i = 0; i < claims.length; ++i) {
            named = abi.encodePacked(named, idOf(claims[i].channel), uint256(claims[i].cumulativeAmount));
        }
        return IChannels.ClaimOrder(tab, RELAY, fee, uint48(present() + 1 hours), keccak256(named));
    }

    function orderSignature(uint256 key, IChannels.ClaimOrder memory order) internal view returns (bytes memory) {
        bytes32 kind = keccak256(
            'ClaimOrder(address providerSigner,address relay,uint128 feePerClaim,uint48 validBefore,bytes32 claimsHash)'
        );
        bytes32 structHash = keccak256(
            abi.encode(kind, order.providerSigner, order.relay, order.feePerClaim, order.validBefore, order.claimsHash)
        );
        return signed(key, ours(structHash));
    }

    function tokenDomain() internal view returns (bytes32) {
        return domain('Test USDC', '2', block.chainid, address(token));
    }

    function authorize(
        uint256 key,
        address to,
        uint256 amount,
        bytes32 nonce,
        bytes32 salt
    ) internal view returns (Authorization memory given) {
        bytes32 kind = keccak256(
            'ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)'
        );
        (uint256 start, uint256 end) = (present() - 1, present() + 1 hours);
        bytes32 structHash = keccak256(abi.encode(kind, vm.addr(key), to, amount, start, end, nonce));
        given = Authorization(start, end, salt, signed(key, typed(tokenDomain(), structHash)));
    }

    function authorization(
        IChannels.Channel memory channel,
        uint256 amount,
        bytes32 salt
    ) internal view returns (Authorization memory) {
        return authorization(channel, amount, salt, unsponsored());
    }

    function authorization(
        IChannels.Channel memory channel,
        uint256 amount,
        bytes32 salt,
        IChannels.Sponsorship memory sponsorship
    ) internal view returns (Authorization memory) {
        bytes32 nonce = keccak256(abi.encode(idOf(channel), salt, sponsorship.sponsor, sponsorship.fee));
        return authorize(PAYER_KEY, address(channels), amount, nonce, salt);
    }

    function permit(uint256 key, address spender, uint256 amount) internal view returns (Permit memory) {
        bytes32 kind = keccak256('Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)');
        address owner = vm.addr(key);
        uint256 deadline = present() + 1 hours;
        bytes32 structHash = keccak256(abi.encode(kind, owner, spender, amount, token.nonces(owner), deadline));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, typed(tokenDomain(), structHash));
        return Permit(deadline, v, r, s);
    }

    /// @dev How many of the recorded logs are of this event.
    function countLogs(bytes32 topic) internal returns (uint256 count) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) ++count;
        }
    }

    /// @dev The last refusal among the recorded logs; `None` when there was none.
    function lastRefusal() internal returns (IChannels.Refusal refusal) {
        bytes32 topic = IChannels.ClaimSkipped.selector;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != topic) continue;
            (refusal, ) = abi.decode(logs[i].data, (IChannels.Refusal, uint256));
        }
    }

    function assertRefused(IChannels.Claim memory given, IChannels.Refusal expected) internal {
        IChannels.ChannelState memory before = stateOf(given.channel);
        uint256 owedBefore = owed(provider) + owed(TREASURY) + owed(payer) + owed(RELAY);
        vm.recordLogs();
        assertEq(0, channels.claim(one(given)), 'accepted');
        assertEq(uint256(expected), uint256(lastRefusal()), 'refusal');
        assertState(given.channel, before.balance, before.claimed, before.withdrawableAt);
        assertEq(owedBefore, owed(provider) + owed(TREASURY) + owed(payer) + owed(RELAY), 'owed');
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC3009} from '@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol';
import {IERC20Errors} from '@openzeppelin/contracts/interfaces/draft-IERC6093.sol';
import {IChannels} from './IChannels.sol';
import {Authorization, Intake, Permit} from './Intake.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';
import {Wallet} from './test/Wallets.sol';

contract ChannelsOpenTest is ChannelsFixture {
    function test_open_holdsTheDeposit() public {
        IChannels.Channel memory channel = sessionChannel(1);
        vm.expectEmit(address(channels));
        emit IChannels.ChannelOpened(idOf(channel), payer, provider, channel, DEPOSIT);
        bytes32 id = openAs(channel, DEPOSIT);
        assertEq(idOf(channel), id, 'id');
        assertEq(idOf(channel), channels.channelId(channel), 'id view');
        assertState(channel, DEPOSIT, 0, 0);
        assertEq(DEPOSIT, token.balanceOf(address(channels)), 'held');
    }

    function test_open_takesTheSmallestAndTheLargestDeposit() public {
        openAs(sessionChannel(1), 1);
        uint128 largest = type(uint104).max;
        fund(payer, largest);
        openAs(sessionChannel(2), largest);
        assertState(sessionChannel(2), largest, 0, 0);
    }

    function test_open_refusesMissingParties() public {
        for (uint256 i = 0; i < 4; ++i) {
            IChannels.Channel memory channel = sessionChannel(1);
            if (i == 0) channel.payer = address(0);
            if (i == 1) channel.payerSigner = address(0);
            if (i == 2) channel.provider = address(0);
            if (i == 3) channel.providerSigner = address(0);
            refuse(
                channel,
                DEPOSIT,
                abi.encodeWithSelector(
                    IChannels.PartyMissing.selector,
                    channel.payer,
                    channel.payerSigner,
                    channel.provider,
                    channel.providerSigner
                )
            );
        }
    }

    function test_open_refusesItselfAsProvider() public {
        IChannels.Channel memory channel = sessionChannel(1);
        channel.provider = address(channels);
        refuse(channel, DEPOSIT, abi.encodeWithSelector(IChannels.PartyIsContractItself.selector, address(channels)));
    }

    function test_open_refusesBothModesAndNone() public {
        IChannels.Channel memory channel = sessionChannel(1);
        channel.delay = 0;
        refuse(channel, DEPOSIT, abi.encodeWithSelector(IChannels.ModeUnclear.selector, 0, 0));
        channel = jobChannel(1);
        channel.delay = DELAY;
        refuse(channel, DEPOSIT, abi.encodeWithSelector(IChannels.ModeUnclear.selector, DELAY, channel.deadline));
    }

    function test_open_keepsTheDelayInRange() public {
        IChannels.Channel memory channel = sessionChannel(1);
        uint48[2] memory wrong = [uint48(24 hours - 1), uint48(30 days + 1)];
        for (uint256 i = 0; i < 2; ++i) {
            channel.delay = wrong[i];
            refuse(
                channel,
                DEPOSIT,
                abi.encodeWithSelector(IChannels.DelayOutOfRange.selector, 24 hours, 30 days, wrong[i])
            );
        }
        channel.delay = 24 hours;
        openAs(channel, DEPOSIT);
        channel.delay = 30 days;
        openAs(channel, DEPOSIT);
    }

    function test_open_keepsTheDeadlineInRange() public {
        IChannels.Channel memory channel = jobChannel(1);
        (uint48 first, uint48 last) = (uint48(present() + 1), uint48(present() + 30 days));
        uint48[2] memory wrong = [first - 1, last + 1];
        for (uint256 i = 0; i < 2; ++i) {
            channel.deadline = wrong[i];
            refuse(
                channel,
                DEPOSIT,
                abi.encodeWithSelector(IChannels.DeadlineOutOfRange.selector, first, last, wrong[i])
            );
        }
        channel.deadline = first;
        openAs(channel, DEPOSIT);
        channel.deadline = last;
        openAs(channel, DEPOSIT);
    }

    function test_open_refusesASecondTime() public {
        IChannels.Channel memory channel = opened(1);
        refuse(channel, DEPOSIT, abi.encodeWithSelector(IChannels.ChannelExists.selector, idOf(channel)));
    }

    function test_open_refusesAnEndedChannelEvenIfNothingWasClaimed() public {
        IChannels.Channel memory channel = opened(1);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        assertState(channel, 0, 0, CLOSED);
        refuse(channel, DEPOSIT, abi.encodeWithSelector(IChannels.ChannelExists.selector, idOf(channel)));
    }

    function test_open_refusesZeroAndTooMuch() public {
        IChannels.Channel memory channel = sessionChannel(1);
        refuse(channel, 0, abi.encodeWithSelector(Intake.AmountZero.selector));
        uint256 most = type(uint104).max;
        bytes memory tooLarge = abi.encodeWithSelector(IChannels.BalanceTooLarge.selector, most, most + 1);
        refuse(channel, uint128(most + 1), tooLarge);
        tooLarge = abi.encodeWithSelector(IChannels.BalanceTooLarge.selector, most, type(uint128).max);
        refuse(channel, type(uint128).max, tooLarge);
    }

    function test_open_refusesATokenWithoutCode() public {
        IChannels.Channel memory channel = sessionChannel(1);
        channel.token = address(0xdead);
        bytes memory problem = abi.encodeWithSelector(Intake.TokenWithoutCode.selector, channel.token);
        refuse(channel, DEPOSIT, problem);
        Permit memory nothing;
        vm.prank(payer);
        vm.expectRevert(problem);
        channels.openWithPermit(channel, DEPOSIT, nothing);
        vm.expectRevert(problem);
        channels.openWithAuthorization(channel, DEPOSIT, unsponsored(), authorization(channel, DEPOSIT, 0));
    }

    function test_open_isForThePayerAlone() public {
        IChannels.Channel memory channel = sessionChannel(1);
        Permit memory given = permit(PAYER_KEY, address(channels), DEPOSIT);
        bytes memory problem = abi.encodeWithSelector(IChannels.CallerNotPayer.selector, payer, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(problem);
        channels.open(channel, DEPOSIT);
        vm.expectRevert(problem);
        channels.openWithPermit(channel, DEPOSIT, given);
    }

    function test_openWithPermit_opens() public {
        clearApproval();
        Permit memory given = permit(PAYER_KEY, address(channels), DEPOSIT);
        vm.prank(payer);
        channels.openWithPermit(sessionChannel(1), DEPOSIT, given);
        assertState(sessionChannel(1), DEPOSIT, 0, 0);
        assertEq(0, token.allowance(payer, address(channels)), 'allowance left');
    }

    function test_openWithPermit_survivesAFrontRunPermit() public {
        clearApproval();
        Permit memory given = permit(PAYER_KEY, address(channels), DEPOSIT);
        vm.prank(stranger);
        token.permit(payer, address(channels), DEPOSIT, given.deadline, given.v, given.r, given.s);
        vm.prank(payer);
        channels.openWithPermit(sessionChannel(1), DEPOSIT, given);
        assertState(sessionChannel(1), DEPOSIT, 0, 0);
    }

    function test_openWithPermit_refusesAForgedPermit() public {
        clearApproval();
        Permit memory given = permit(STRANGER_KEY, address(channels), DEPOSIT);
        vm.prank(payer);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(channels), 0, DEPOSIT)
        );
        channels.openWithPermit(sessionChannel(1), DEPOSIT, given);
    }

    function test_openWithAuthorization_isSafeInAnybodysHands() public {
        clearApproval();
        IChannels.Channel memory channel = sessionChannel(1);
        Authorization memory given = authorization(channel, DEPOSIT, bytes32('salt'));
        vm.prank(stranger);
        channels.openWithAuthorization(channel, DEPOSIT, unsponsored(), given);
        assertState(channel, DEPOSIT, 0, 0);
        assertEq(
            keccak256(abi.encode(idOf(channel), bytes32('salt'), address(0), uint256(0))),
            channels.authorizationNonce(idOf(channel), bytes32('salt'), unsponsored()),
            'nonce'
        );
    }

    function test_openWithAuthorization_bindsChannelAmountAndContract() public {
        IChannels.Channel memory channel = sessionChannel(1);
        Authorization memory given = authorization(channel, DEPOSIT, 0);
        bytes memory problem = abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
        IChannels.Channel memory other = sessionChannel(1);
        other.payerSigner = stranger;
        vm.expectRevert(problem);
        channels.openWithAuthorization(other, DEPOSIT, unsponsored(), given);
        vm.expectRevert(problem);
        channels.openWithAuthorization(channel, DEPOSIT - 1, unsponsored(), given);
        given = authorize(
            PAYER_KEY,
            stranger,
            DEPOSIT,
            channels.authorizationNonce(idOf(channel), 0, unsponsored()),
            0
        );
        vm.expectRevert(problem);
        channels.openWithAuthorization(channel, DEPOSIT, unsponsored(), given);
    }

    function test_openWithAuthorization_cannotBeTakenStraightToTheToken() public {
        IChannels.Channel memory channel = sessionChannel(1);
        Authorization memory given = authorization(channel, DEPOSIT, 0);
        bytes32 nonce = channels.authorizationNonce(idOf(channel), 0, unsponsored());
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(channels)));
        token.receiveWithAuthorization(
            payer,
            address(channels),
            DEPOSIT,
            given.validAfter,
            given.validBefore,
            nonce,
            given.signature
        );
    }

    function test_openWithAuthorization_opensForAContractWallet() public {
        Wallet wallet = new Wallet(PAYER_KEY, Wallet.Mood.Honest);
        IChannels.Channel memory channel = sessionChannel(1);
        channel.payer = address(wallet);
        token.mint(address(wallet), DEPOSIT);
        Authorization memory given = Authorization(0, present() + 1, 0, hex'00');
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
        channels.openWithAuthorization(channel, DEPOSIT, unsponsored(), given);
        bytes32 nonce = channels.authorizationNonce(idOf(channel), 0, unsponsored());
        bytes32 kind = keccak256(
            'ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)'
        );
        bytes32 structHash = keccak256(
            abi.encode(kind, address(wallet), address(channels), DEPOSIT, 0, present() + 1, nonce)
        );
        // A wallet's signature has any shape it likes: here one byte more than a key's.
        given.signature = abi.encodePacked(signed(PAYER_KEY, typed(tokenDomain(), structHash)), hex'77');
        channels.openWithAuthorization(channel, DEPOSIT, unsponsored(), given);
        assertState(channel, DEPOSIT, 0, 0);
    }

    function refuse(IChannels.Channel memory channel, uint128 amount, bytes memory problem) private {
        uint256 held = token.balanceOf(address(channels));
        vm.prank(channel.payer);
        vm.expectRevert(problem);
        channels.open(channel, amount);
        assertEq(held, token.balanceOf(address(channels)), 'held');
    }

    function clearApproval() private {
        vm.prank(payer);
        token.approve(address(channels), 0);
    }
}

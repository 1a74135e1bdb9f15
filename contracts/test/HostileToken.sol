// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from '@openzeppelin/contracts/token/ERC20/ERC20.sol';

/// @title A token with every bad habit, one at a time. It asks nobody's approval.
contract HostileToken is ERC20 {
    enum Mode {
        Plain,
        Pretending,
        Shrinking,
        ReturningFalse,
        ReturningNothing,
        Reverting
    }

    Mode public mode;
    uint256 public fee;
    uint256 public bonus;
    mapping(address account => bool blocked) public blocked;

    constructor() ERC20('Hostile', 'HOST') {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function seize(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    function setBonus(uint256 bonus_) external {
        bonus = bonus_;
    }

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return _move(from, to, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return _move(msg.sender, to, amount);
    }

    /// @dev Anybody's word is good enough for it.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 amount,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        if (mode == Mode.Reverting) revert('not today');
        if (mode == Mode.ReturningFalse) return false;
        if (mode == Mode.Pretending) return true;
        if (mode == Mode.Shrinking) {
            _burn(to, 1);
            return true;
        }
        if (blocked[to] || blocked[from]) revert ERC20InvalidReceiver(to);
        _transfer(from, to, amount);
        if (fee != 0) _burn(to, fee);
        if (bonus != 0) _mint(to, bonus);
        if (mode == Mode.ReturningNothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}

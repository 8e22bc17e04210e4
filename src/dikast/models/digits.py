"""Ranges of numbers as GBNF: which digits may stand where, so that nothing outside the range can be written."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal


def integer_range(low: int, high: int) -> str:
    """The spellings of the integers from low to high, both included.

    >>> integer_range(8, 120)
    '[8-9] | "1" ([0-1] [0-9] | "2" "0") | [1-9] [0-9]'
    """
    return _signed(low, high, _whole)


def decimal_range(low: Decimal, high: Decimal, decimals: int) -> str:
    """The spellings, with at most that many digits after the point, of the numbers from low to high, both included.

    >>> decimal_range(Decimal(0), Decimal(1), 2)
    '"0" ("." [0-9]{1,2})? | "1" ("." "0"{1,2})?'
    """
    scale = 10**decimals
    return _signed(int(low * scale), int(high * scale), lambda a, b: _decimal(a, b, decimals))


def _signed(low: int, high: int, spell: Callable[[int, int], str]) -> str:
    options = []
    if low < 0:
        options.append(f'"-" ({spell(max(1, -high), -low)})')
    if high >= 0:
        options.append(spell(max(0, low), high))
    return " | ".join(options)


def _whole(low: int, high: int) -> str:
    """Integers from 0 up, without leading zeros: the ones of each length in turn, whole decades together."""
    options, decades = [], []
    for length in range(len(str(low)), len(str(high)) + 1):
        first, last = 10 ** (length - 1) if length > 1 else 0, 10**length - 1
        if length > 1 and low <= first and last <= high:
            decades.append(length - 1)
            continue
        options.append(_digits(str(max(low, first)), str(min(high, last))))
    if decades:
        options.append(_decades(decades))
    return " | ".join(options)


def _decades(more: list[int]) -> str:
    """All integers with so many digits after the first."""
    if more == [1]:
        return "[1-9] [0-9]"
    return f"[1-9] [0-9]{{{more[0]},{more[-1]}}}"


def _digits(low: str, high: str) -> str:
    """The digit strings of one length from low to high."""
    length = len(low)
    if set(low) == {"0"} and set(high) == {"9"}:
        return _any_digits(length)
    if length == 1:
        return _one_of(low, high)
    if low[0] == high[0]:
        return f"{_one_of(low[0], low[0])} {_grouped(_digits(low[1:], high[1:]))}"
    options = []
    first, last = int(low[0]), int(high[0])
    if low[1:].strip("0"):
        options.append(f"{_one_of(low[0], low[0])} {_grouped(_digits(low[1:], '9' * (length - 1)))}")
        first += 1
    if high[1:].strip("9"):
        last -= 1
    if first <= last:
        options.append(f"{_one_of(str(first), str(last))} {_any_digits(length - 1)}")
    if high[1:].strip("9"):
        options.append(f"{_one_of(high[0], high[0])} {_grouped(_digits('0' * (length - 1), high[1:]))}")
    return " | ".join(options)


def _decimal(low: int, high: int, decimals: int) -> str:
    """Decimals from 0 up; low and high count units of the last place."""
    unit = 10**decimals
    (low_whole, low_rest), (high_whole, high_rest) = divmod(low, unit), divmod(high, unit)
    if low_whole == high_whole:
        return f"{_quoted(low_whole)} {_point(low_rest, high_rest, decimals)}"
    options = []
    first, last = low_whole, high_whole
    if low_rest:
        options.append(f"{_quoted(first)} {_point(low_rest, unit - 1, decimals)}")
        first += 1
    if high_rest < unit - 1:
        last -= 1
    if first <= last:
        options.append(f"{_grouped(_whole(first, last))} {_point(0, unit - 1, decimals)}")
    if high_rest < unit - 1:
        options.append(f"{_quoted(high_whole)} {_point(0, high_rest, decimals)}")
    return " | ".join(options)


def _point(low: int, high: int, decimals: int) -> str:
    """The point and what follows it, left out where that may be nothing."""
    text = f'"." {_grouped(_fraction(str(low).zfill(decimals), str(high).zfill(decimals)))}'
    return text if low else f"({text})?"


def _fraction(low: str, high: str) -> str:
    """One to all of the digits after the point, where digits left out at the end count as zeros."""
    length = len(low)
    if set(low + high) == {"0"}:
        return f'"0"{{1,{length}}}' if length > 1 else '"0"'
    if length == 1:
        return _one_of(low, high)
    if set(low) == {"0"} and set(high) == {"9"}:
        return f"[0-9]{{1,{length}}}"
    if low[0] == high[0]:
        return f"{_one_of(low[0], low[0])} {_tail(low[1:], high[1:])}"
    options = []
    first, last = int(low[0]), int(high[0])
    if low[1:].strip("0"):
        options.append(f"{_one_of(low[0], low[0])} {_tail(low[1:], '9' * (length - 1))}")
        first += 1
    if high[1:].strip("9"):
        last -= 1
    if first <= last:
        options.append(f"{_one_of(str(first), str(last))} [0-9]{{0,{length - 1}}}")
    if high[1:].strip("9"):
        options.append(f"{_one_of(high[0], high[0])} {_tail('0' * (length - 1), high[1:])}")
    return " | ".join(options)


def _tail(low: str, high: str) -> str:
    """Further digits after the point, which may be left out if they may be zeros."""
    text = _fraction(low, high)
    return f"({text})?" if not low.strip("0") else _grouped(text)


def _any_digits(count: int) -> str:
    return "[0-9]" if count == 1 else f"[0-9]{{{count}}}"


def _one_of(low: str, high: str) -> str:
    return f'"{low}"' if low == high else f"[{low}-{high}]"


def _quoted(number: int) -> str:
    return f'"{number}"'


def _grouped(expression: str) -> str:
    return f"({expression})" if " | " in expression else expression

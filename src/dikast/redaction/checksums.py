"""Numbers that prove themselves: check digits of identity and business numbers."""

from __future__ import annotations

import datetime
import re

# The letter of a Taiwanese identity number stands for a place of registration, and counts as two digits.
_TW_LETTERS = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))
_CN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CN_CHECKS = "10X98765432"
_TW_BUSINESS_WEIGHTS = (1, 2, 1, 2, 1, 2, 4, 1)


def is_taiwan_id(text: str) -> bool:
    """Whether it is a Taiwanese national identity number, or a resident certificate's (since 2021, or before).

    >>> is_taiwan_id("A123456789"), is_taiwan_id("A800000014"), is_taiwan_id("A123456780")
    (True, True, False)
    """
    given = text.upper()
    if not re.fullmatch(r"[A-Z][1289A-D]\d{8}", given):
        return False
    place = _TW_LETTERS[given[0]]
    second = _TW_LETTERS[given[1]] % 10 if given[1].isalpha() else int(given[1])
    digits = (second, *map(int, given[2:]))
    total = place // 10 + place % 10 * 9 + sum(d * w for d, w in zip(digits, (8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True))
    return total % 10 == 0


def is_mainland_id(text: str) -> bool:
    """Whether it is a resident identity number of mainland China: a place, a date of birth, a check digit (GB 11643).

    >>> is_mainland_id("11010519491231002X"), is_mainland_id("110105194912310021")
    (True, False)
    """
    given = text.upper()
    if not re.fullmatch(r"[1-8]\d{16}[\dX]", given):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(given[:17], _CN_WEIGHTS, strict=True))
    return _CN_CHECKS[total % 11] == given[17] and _is_birthday(given[6:14])


def is_hong_kong_id(text: str) -> bool:
    """Whether it is a number of a Hong Kong identity card, with its check digit in brackets or without them.

    >>> is_hong_kong_id("A123456(3)"), is_hong_kong_id("A123456(4)")
    (True, False)
    """
    match = re.fullmatch(r"([A-Z]{1,2})(\d{6})\(?([\dA])\)?", text.upper())
    if match is None:
        return False
    letters, digits, check = match.groups()
    values = [36 if letter == " " else ord(letter) - 55 for letter in letters.rjust(2)] + [
        int(digit) for digit in digits
    ]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + (10 if check == "A" else int(check))) % 11 == 0


def is_taiwan_business_number(text: str) -> bool:
    """Whether it is a Taiwanese uniform business number, by the rule since April 2023 (a multiple of 5, not of 10).

    >>> is_taiwan_business_number("04595257"), is_taiwan_business_number("04595253")
    (True, False)
    """
    if not re.fullmatch(r"\d{8}", text) or text == "00000000":
        return False
    products = [int(digit) * weight for digit, weight in zip(text, _TW_BUSINESS_WEIGHTS, strict=True)]
    total = sum(product // 10 + product % 10 for product in products)
    return total % 5 == 0 or (text[6] == "7" and (total + 1) % 5 == 0)


def _is_birthday(digits: str) -> bool:
    try:
        born = datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return born.year >= 1900 and born <= datetime.date.today()

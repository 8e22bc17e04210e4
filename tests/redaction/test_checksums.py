"""Check digits: known numbers, one digit wrong, and what is no such number at all."""

from __future__ import annotations

import doctest

import pytest

from dikast.redaction import checksums
from dikast.redaction.checksums import is_hong_kong_id, is_mainland_id, is_taiwan_business_number, is_taiwan_id


def test_the_examples_hold() -> None:
    assert doctest.testmod(checksums).failed == 0


def test_one_wrong_digit_is_always_noticed_in_a_mainland_number() -> None:
    good = "11010519491231002X"  # 11010519491231002: weighted sum 167, 167 mod 11 = 2, and the third check is X
    assert is_mainland_id(good)
    for place in range(14, 17):
        for digit in "0123456789":
            if digit != good[place]:
                assert not is_mainland_id(good[:place] + digit + good[place + 1 :])


def test_a_mainland_number_holds_a_date_that_was() -> None:
    assert not is_mainland_id("110105194913310025")  # the 13th month
    assert is_mainland_id("11010519491231002x")


@pytest.mark.parametrize("number", ["A123456789", "B100000002", "AC01234567", "A800000014", "a123456789"])
def test_taiwanese_numbers_old_and_new(number: str) -> None:
    # B100000002: B = 11, 1 + 1 * 9 + 1 * 8 + 2 = 20
    assert is_taiwan_id(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not is_taiwan_id(wrong)


@pytest.mark.parametrize("number", ["A323456789", "A12345678", "1123456789", "A1234567890"])
def test_what_is_no_taiwanese_number(number: str) -> None:
    assert not is_taiwan_id(number)


@pytest.mark.parametrize(
    ("number", "holds"),
    [
        ("04595257", True),  # digits of the products: 0+8+5+1+8+5+4+2+2+0+7: 0 4*2 5 9*2=18 5 2*2 5*4=20 7 -> 40
        ("10458574", True),  # 1+0+4+1+0+8+1+0+2+8+4, with a 7 before the last: 29 + 1 = 30
        ("04595258", False),
        ("00000000", False),
        ("1234567", False),
    ],
)
def test_taiwanese_business_numbers_by_the_rule_of_2023(number: str, holds: bool) -> None:
    assert is_taiwan_business_number(number) is holds


def test_a_total_of_five_is_enough_since_2023() -> None:
    assert is_taiwan_business_number("00000005")  # 5: a multiple of 5, not of 10
    assert not is_taiwan_business_number("00000004")


def test_hong_kong_numbers_of_one_and_two_letters() -> None:
    assert is_hong_kong_id("A123456(3)")
    assert is_hong_kong_id("AB987654(3)")
    assert not is_hong_kong_id("AB987654(4)")

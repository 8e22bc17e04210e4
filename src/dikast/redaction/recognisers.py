"""Presidio's recognisers, and ours beside them in the same shape. Loading this takes a second; see finding.py.

Presidio's own run without a language model. Two things are changed in them: the e-mail recogniser would fetch a list of
top-level domains from the network, and here does not; and each looks only near what could be a find, so that long texts
take no long time.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import regex
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    PhoneRecognizer,
    UsSsnRecognizer,
)

from dikast.redaction import chinese_patterns as chinese
from dikast.redaction import secret_patterns as secrets
from dikast.redaction.checksums import (
    is_hong_kong_id,
    is_mainland_id,
    is_taiwan_business_number,
    is_taiwan_id,
)
from dikast.redaction.kinds import Found
from dikast.redaction.views import View

REGIONS = ("US", "GB", "TW", "CN", "HK")
"""Whose national ways to write a telephone number are known; with + and a country code, all are."""

_SCORE = 0.6  # of our own patterns that nothing proves
_LEAST_SCORE = 0.4
_DOMAIN = re.compile(r"@[^@]+\.(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)$", re.IGNORECASE)
_VERSION = re.compile(r"(\bv|\bver\.?\s?|version\s?|release\s?|版本?號?号?\s?[:：]?\s?|\bbuild\s?)$", re.IGNORECASE)
_CALLED = re.compile(
    r"phone|tel|call|mobile|cell|fax|contact|whatsapp|dial|電話|电话|手機|手机|行動|聯絡|联系|撥|拨|傳真|传真",
    re.IGNORECASE,
)
_NOT_A_PHONE = re.compile(
    r"(order|invoice|ticket|case|ref\w*|tracking|serial|sku|item|no|id|#|編號|编号|單號|单号|订单号?|訂單)\W{0,3}$|"
    r"[a-z]-$|(NT\$|[$€£¥￥])\s?$",
    re.IGNORECASE,
)

_NO_LANGUAGE_MODEL: Any = None


@dataclass(frozen=True)
class Recogniser:
    """One recogniser. hint: what must be there; it looks so many characters `around` that, or everywhere for None.

    agrees: the last word on a find, given what stands before it and the find itself.
    """

    kind: str
    engine: EntityRecognizer
    hint: re.Pattern[str] | None
    around: int | None = None
    latin: bool = True
    agrees: Callable[[str, str], bool] | None = None

    def find(self, view: View) -> Iterator[Found]:
        """What it finds in a view of a text."""
        text = view.latin if self.latin else view.whole
        for start, end in self._windows(text):
            part = text[start:end]
            for result in self.engine.analyze(part, self.engine.supported_entities, _NO_LANGUAGE_MODEL):
                if result.score < _LEAST_SCORE:
                    continue
                found = Found(self.kind, start + result.start, start + result.end)
                before = view.whole[max(0, found.start - 40) : found.start]
                if self.agrees is None or self.agrees(before, text[found.start : found.end]):
                    yield found

    def _windows(self, text: str) -> list[tuple[int, int]]:
        """The parts of a text to look at: those around a hint, put together where they meet."""
        if self.hint is None:
            return [(0, len(text))]
        if self.around is None:
            return [(0, len(text))] if self.hint.search(text) else []
        windows: list[tuple[int, int]] = []
        for match in self.hint.finditer(text):
            start, end = max(0, match.start() - self.around), min(len(text), match.end() + self.around)
            if windows and start <= windows[-1][1]:
                windows[-1] = (windows[-1][0], end)
            else:
                windows.append((start, end))
        return windows


def all_recognisers() -> list[Recogniser]:
    """Every recogniser that needs no language model."""
    digits = re.compile(r"\d[\d\s()./-]{5,}\d")
    return [
        _pattern("PRIVATE_KEY", [secrets.PRIVATE_KEY], hint=re.compile("-----BEGIN")),
        _pattern("JWT", [secrets.JWT], hint=re.compile("eyJ")),
        _pattern("API_KEY", [rf"(?<![A-Za-z0-9_-])(?:{one})(?![A-Za-z0-9])" for one in secrets.API_KEYS.values()],
                 hint=secrets.KEY_HINT, folded=False),
        _pattern("SECRET", [secrets.URL_PASSWORD, secrets.BEARER], hint=re.compile(r"://|bearer|basic", re.IGNORECASE)),
        _pattern("SECRET", [secrets.PASSWORD], hint=secrets.ASSIGNMENT_HINT, latin=False, check=secrets.is_password),
        _pattern("SECRET", [secrets.KEY], hint=secrets.ASSIGNMENT_HINT, latin=False, check=secrets.is_random),
        Recogniser("EMAIL", _Email(), re.compile("@"), 320, agrees=_is_mail),
        _pattern("CN_ID", [chinese.CN_ID], check=is_mainland_id),
        _pattern("CN_ID", [chinese.CN_ID_NAMED], latin=False),
        _pattern("TW_ID", [chinese.TW_ID], check=is_taiwan_id, folded=False),
        _pattern("TW_ID", [chinese.TW_ID_NAMED], latin=False),
        _pattern("HK_ID", [chinese.HK_ID], check=is_hong_kong_id, folded=False),
        Recogniser("CARD", CreditCardRecognizer(), digits, 4, agrees=_is_card),
        Recogniser("IBAN", IbanRecognizer(), re.compile(r"[A-Z]{2}\d{2}"), 60),
        Recogniser("CRYPTO", CryptoRecognizer(), re.compile(r"\b(?:[13]|bc1)[A-Za-z0-9]{20,}"), 4),
        Recogniser("US_SSN", UsSsnRecognizer(), re.compile(r"\d{3}[- .]\d{2}[- .]\d{4}"), 4),
        _pattern("TW_BUSINESS", [chinese.TW_BUSINESS], latin=False, check=is_taiwan_business_number),
        Recogniser("IP", IpRecognizer(), re.compile(r"\d\.\d|[0-9a-f]:[0-9a-f:]", re.IGNORECASE), 48, agrees=_is_ip),
        _pattern("PHONE", [chinese.TW_MOBILE, chinese.TW_LANDLINE, chinese.TW_FREEPHONE, chinese.CN_MOBILE,
                           chinese.CN_LANDLINE, chinese.CN_HOTLINE], latin=False, agrees=_is_phone),
        Recogniser("PHONE", PhoneRecognizer(supported_regions=REGIONS, leniency=1), digits, 6, agrees=_is_phone),
        _pattern("PLATE", [chinese.CN_PLATE, chinese.TW_PLATE], hint=re.compile(chinese.PLATE_HINT, re.IGNORECASE),
                 latin=False, folded=False),
        _pattern("ADDRESS", [chinese.TW_ADDRESS, chinese.CN_ADDRESS], hint=re.compile(chinese.ADDRESS_HINT),
                 latin=False, around=80),
    ]  # fmt: skip


def _pattern(
    kind: str,
    patterns: list[str],
    *,
    hint: re.Pattern[str] | None = None,
    around: int | None = None,
    latin: bool = True,
    folded: bool = True,
    check: Callable[[str], bool] | None = None,
    agrees: Callable[[str, str], bool] | None = None,
) -> Recogniser:
    """One of our own: Presidio's shape around patterns and what proves a find."""
    flags = regex.IGNORECASE if folded else 0
    named = [Pattern(f"{kind} {number}", pattern, _SCORE) for number, pattern in enumerate(patterns)]
    engine = _Checked(kind, named, check, int(flags) | int(regex.MULTILINE))
    return Recogniser(
        kind,
        engine,
        hint or re.compile(chinese.ID_NUMBER_HINT) if kind.endswith("_ID") else hint,
        around,
        latin,
        agrees,
    )


class _Checked(PatternRecognizer):
    """Patterns whose finds prove themselves, or are none."""

    def __init__(self, kind: str, patterns: list[Pattern], check: Callable[[str], bool] | None, flags: int) -> None:
        super().__init__(supported_entity=kind, name=kind, patterns=patterns, global_regex_flags=flags)
        self._check = check

    def validate_result(self, pattern_text: str) -> bool | None:
        """Whether the find proves itself; None where nothing could."""
        return None if self._check is None else self._check(pattern_text)


class _Email(EmailRecognizer):
    """Presidio's, but for how a domain is checked: it would fetch a list of them from the network.

    Private networks have domains of their own, so any name that ends in letters will do.
    """

    def validate_result(self, pattern_text: str) -> bool:
        """Whether what stands behind the @ can be a domain."""
        return _DOMAIN.search(pattern_text) is not None


def _is_mail(before: str, found: str) -> bool:
    """Not the user, password and host of a URL."""
    return re.search(r"://[^\s/]*$", before) is None


def _is_card(before: str, found: str) -> bool:
    """Not a stretch of one digit: 0000 0000 0000 0000 adds up as well."""
    return len(set(re.sub(r"\D", "", found))) > 1


def _is_ip(before: str, found: str) -> bool:
    """Not a version number, and not this very machine or no machine at all."""
    if _VERSION.search(before):
        return False
    try:
        address = ipaddress.ip_address(found.partition("%")[0].partition("/")[0])
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


def _is_phone(before: str, found: str) -> bool:
    """Not a number of something else, where its digits alone would pass for a telephone's."""
    if _NOT_A_PHONE.search(before) and not _CALLED.search(before):
        return False
    if re.fullmatch(r"(?:19|20)\d{2}([-/. ])\d{1,2}\1\d{1,2}.*|\d{1,2}([-/. ])\d{1,2}\2\d{4}.*", found):
        return False  # a date
    digits = re.sub(r"\D", "", found)
    plain = digits == found and not found.startswith("0")
    mobile = len(digits) == 11 and re.match(r"1[3-9]", digits) is not None
    return not plain or mobile or _CALLED.search(before) is not None

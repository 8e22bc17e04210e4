"""The kinds of personal data and secrets that are told apart, most certain first.

Where two findings overlap, the kind that stands first here names the replaced text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

KINDS: dict[str, str] = {
    "PRIVATE_KEY": "private key blocks",
    "JWT": "JSON web tokens",
    "API_KEY": "keys and tokens of known services",
    "SECRET": "passwords, and what is assigned to a key or a token",
    "EMAIL": "e-mail addresses",
    "CN_ID": "mainland resident identity numbers",
    "TW_ID": "Taiwanese national and resident certificate numbers",
    "HK_ID": "Hong Kong identity card numbers",
    "CARD": "credit card numbers",
    "IBAN": "bank accounts (IBAN)",
    "CRYPTO": "wallets of cryptocurrencies",
    "US_SSN": "US social security numbers",
    "TW_BUSINESS": "Taiwanese uniform business numbers",
    "IP": "IP addresses",
    "PHONE": "telephone numbers",
    "PLATE": "licence plates",
    "ADDRESS": "Chinese addresses",
    "PERSON": "names of persons",
    "VALUE": "whole values that a rule names",
}
"""What is looked for, and in words what that is."""

PRIORITY = {kind: place for place, kind in enumerate(KINDS)}

PSEUDONYM = re.compile(r"\[[A-Z][A-Z0-9_]*-[a-z2-7]{8,16}\]")
"""What stands in a text instead of what was found; it is never looked into again."""


class Found(NamedTuple):
    """Something found in a text: its kind, and where."""

    kind: str
    start: int
    end: int

"""One finder for all tests of this room: loading the recognisers takes a second."""

from __future__ import annotations

import pytest

from dikast.redaction.finding import Finder
from dikast.redaction.pseudonyms import Pseudonyms
from dikast.redaction.redactor import Redactor


@pytest.fixture(scope="session")
def finder() -> Finder:
    return Finder(language_models=[])


@pytest.fixture
def redactor(finder: Finder) -> Redactor:
    return Redactor(finder, Pseudonyms(b"k" * 32))

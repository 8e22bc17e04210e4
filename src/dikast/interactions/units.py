"""What makes two interactions the same question: their input and context, whatever the spelling of spaces and case."""

from __future__ import annotations

import hashlib
import unicodedata

from dikast.records import Interaction, Json, canonical_json, text_of


def unit_of(interaction: Interaction) -> bytes:
    """32 bytes that interactions share whose inputs and contexts say the same; the outputs' where both are empty."""
    asked = (normal_text(interaction.input), normal_text(interaction.context))
    if asked == ("", ""):
        shown = (interaction.output, interaction.output_a, interaction.output_b, interaction.reference)
        return hashlib.sha256(canonical_json(shown)).digest()
    return hashlib.sha256(canonical_json(asked)).digest()


def normal_text(value: Json) -> str:
    """A value's text without the accidents of spelling: compatibility forms, case and white space are levelled.

    >>> normal_text("  What  IS\\nＡ refund? ")
    'what is a refund?'
    """
    text = text_of(value)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())

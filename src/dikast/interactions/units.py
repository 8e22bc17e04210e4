"""What interactions share: the same question (input and context, whatever the spelling), or one conversation."""

from __future__ import annotations

import hashlib
import unicodedata

from dikast.records import Interaction, Json, canonical_json, text_of, value_text

CONVERSATION_KEYS = ("conversation_id", "session_id", "thread_id", "conversation", "session", "thread")
"""Metadata keys that say to which conversation an item belongs."""


def conversation_of(interaction: Interaction) -> str:
    """The conversation that an interaction is a turn of; "" where none of CONVERSATION_KEYS says."""
    return next((said for key in CONVERSATION_KEYS if (said := value_text(interaction.metadata.get(key)))), "")


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

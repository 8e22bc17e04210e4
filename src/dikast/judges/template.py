"""A prompt of the user's own: its variables, and their substitution in one pass.

A variable is a bare name in single braces. All other braces, such as those of JSON, are text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

import msgspec

from dikast.errors import JudgeError

OF_INTERACTION = ("input", "output", "context", "reference", "output_a", "output_b")
OF_JUDGE = ("task", "criteria", "earns_nothing", "examples", "answer_form")
KNOWN = (*OF_INTERACTION, *OF_JUDGE)

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]+(?:\.[^\s{}\"':,]+)?)\}")
_COMMAND = re.compile(r"\\[A-Za-z]+$")  # \boxed{...}
_VALUE = re.compile(r"[\"'”]\s*[:：]\s*[\"'“]?$")  # "overall": {score}, "reasoning": "{why}"
_BEFORE = 60
_MEANT = {
    "answer": "output", "response": "output", "completion": "output", "prediction": "output", "generation": "output",
    "question": "input", "query": "input", "prompt": "input", "instruction": "input", "user_input": "input",
    "ground_truth": "reference", "expected": "reference", "expected_output": "reference", "gold": "reference",
    "reference_answer": "reference", "golden_answer": "reference", "target": "reference",
    "contexts": "context", "documents": "context", "document": "context", "source": "context", "passage": "context",
    "answer_a": "output_a", "response_a": "output_a", "output_1": "output_a", "answer_1": "output_a",
    "answer_b": "output_b", "response_b": "output_b", "output_2": "output_b", "answer_2": "output_b",
}  # fmt: skip


class Template(msgspec.Struct, frozen=True):
    """A prompt taken apart: texts, and between each two of them the name of a variable."""

    texts: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, prompt: str) -> Template:
        """The template in a text. Raises JudgeError for a variable that there is not."""
        texts: list[str] = []
        names: list[str] = []
        end = 0
        for match in _VARIABLE.finditer(prompt):
            name = match[1]
            known = name in KNOWN or name.startswith("metadata.")
            before = prompt[max(0, match.start() - _BEFORE) : match.start()]
            if _COMMAND.search(before) or (not known and _is_text(prompt, match, before)):
                continue
            if not known:
                raise _unknown(prompt, match)
            if before.endswith("{") and prompt.startswith("}", match.end()):
                raise JudgeError(
                    f"prompt: {{{{{name}}}}} in line {_line(prompt, match)} has two braces on each side",
                    hint=f"A variable is written with one: {{{name}}}",
                )
            texts.append(prompt[end : match.start()])
            names.append(name)
            end = match.end()
        texts.append(prompt[end:])
        return cls(tuple(texts), tuple(names))

    def filled(self, values: Mapping[str, str]) -> str:
        """The prompt with every variable replaced; what is put in is never looked at again."""
        parts = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            parts.append(values[name])
            parts.append(text)
        return "".join(parts)

    def partly(self, values: Mapping[str, str]) -> Template:
        """The template with some variables replaced by fixed texts."""
        texts = [self.texts[0]]
        names: list[str] = []
        for name, text in zip(self.names, self.texts[1:], strict=True):
            if name in values:
                texts[-1] += values[name] + text
            else:
                names.append(name)
                texts.append(text)
        return Template(tuple(texts), tuple(names))


def near(name: str, known: tuple[str, ...]) -> str:
    """ "; did you mean 'output'?", or nothing."""
    meant = _MEANT.get(name.lower())
    close = [meant] if meant in known else difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _is_text(prompt: str, match: re.Match[str], before: str) -> bool:
    """Whether an unknown name in braces is a placeholder in JSON or has doubled braces, and so is no variable."""
    doubled = before.endswith("{") and prompt.startswith("}", match.end())
    return doubled or bool(_VALUE.search(before))


def _unknown(prompt: str, match: re.Match[str]) -> JudgeError:
    name = match[1]
    names = ", ".join(f"{{{known}}}" for known in OF_INTERACTION)
    return JudgeError(
        f"prompt: there is no variable {{{name}}} (line {_line(prompt, match)}){near(name, KNOWN)}",
        hint=f'There are {names} and {{metadata.KEY}}. Braces of JSON, such as {{"a": 1}}, may stand as they are.',
    )


def _line(prompt: str, match: re.Match[str]) -> int:
    return prompt.count("\n", 0, match.start()) + 1

"""Programs without a fence around them, told from prose by how they begin.

Guessers of languages take prose for programs too, and to an expert a letter set as code is worse than code set as text:
so only what begins as no letter does is taken for a program.
"""

from __future__ import annotations

import re

_BEGINNINGS = {
    "python": r"(?:async )?def \w+\(.*:|class [A-Z]\w*(?:\(.*\))?:"
    r"|from [\w.]+ import [\w*(, ]+|import [\w.]+(?: as \w+)?",
    "javascript": r"(?:export )?(?:async )?function\*? \w*\(.*|(?:const|let|var) [\w{}\[\], ]+ ?=.*"
    r"|import .+ from ['\"].+['\"];?",
    "java": r"(?:public|private|protected) (?:static |final |abstract )*(?:class|interface|enum|void|[A-Z]\w*|int) .*",
    "c++": r"#include ?[<\"].+[>\"]",
    "go": r"func (?:\(.+\) )?\w+\(.*\{|package main",
    "rust": r"(?:pub )?fn \w+.*\{|use [\w:{}, ]+;",
    "sql": r"SELECT\b.*|CREATE (?:TABLE|VIEW|INDEX)\b.*|INSERT INTO\b.*|WITH \w+ AS \(.*",
    "php": r"<\?php.*",
    "bash": r"#!.*\b(?:ba|z)?sh",
    "html": r"<!DOCTYPE html.*>|<html\b.*>",
}
_BEGINS = {name: re.compile(rf"(?:{pattern})\s*") for name, pattern in _BEGINNINGS.items()}
_GOES_ON = re.compile(r"^[ \t]+\S|[;{}:,()>]\s*$|^(?:FROM|WHERE)\b", re.MULTILINE)
_LONGEST_LINE = 160


def programming_language(text: str) -> str:
    """The language of a text that is a program and nothing else, as the highlighter names it; "" for any other.

    >>> programming_language("def double(x):\\n    return 2 * x")
    'python'
    >>> programming_language("import duties are high")
    ''
    """
    first, _, rest = text.strip("\n").partition("\n")
    if not rest or not _GOES_ON.search(rest) or any(len(line) > _LONGEST_LINE for line in text.splitlines()):
        return ""
    return next((name for name, pattern in _BEGINS.items() if pattern.fullmatch(first.rstrip())), "")

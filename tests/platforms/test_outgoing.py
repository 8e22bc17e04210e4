"""What a judge wrote is cleaned on its way to a public host, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

from dikast.models.edge import Edge
from dikast.models.policy import Policy
from dikast.platforms.langfuse import _body as langfuse_body
from dikast.platforms.otlp_events import logs_of
from dikast.platforms.outgoing import ScoreEdge, is_public, outgoing
from dikast.platforms.score import Score

SCORE = Score(
    id="70c29fda-3e59-51e6-b542-631467ac3c91",
    name="refunds",
    item="4111111111111111",
    source="langfuse",
    trace="4f1d2b7e52c45c0e9d0a6c1f0b1f7d11",
    value=1.0,
    label="pass",
    comment="It told ada.lovelace@example.com the truth.",
)


def test_only_comments_are_cleaned(tmp_path: Path) -> None:
    edge = ScoreEdge(Edge(key_file=tmp_path / "key"))
    for body in (langfuse_body(SCORE), logs_of([SCORE])):
        cleaned, counts = edge.cleaned(body)
        assert sum(counts.values()) == 1
        assert "ada.lovelace" in str(body)
        assert "ada.lovelace" not in str(cleaned)
        assert SCORE.trace in str(cleaned)
        assert SCORE.id in str(cleaned)
    query = {"session": [SCORE.trace], "filter": 'eq(name, "ada@example.com")', "cursor": "4111111111111111"}
    assert edge.cleaned(query) == (query, {})


def test_the_same_text_leaves_the_same_twice(tmp_path: Path) -> None:
    policy = Policy(edge=Edge(key_file=tmp_path / "key"))
    once = outgoing(str(SCORE.comment), policy)
    assert "ada.lovelace" not in once
    assert outgoing(once, policy) == once
    again = Policy(edge=Edge(key_file=tmp_path / "key"))
    assert outgoing(str(SCORE.comment), again) == once
    assert outgoing(str(SCORE.comment), Policy(edge=Edge(redact=False))) == SCORE.comment


async def test_public_hosts() -> None:
    assert await is_public("192.0.2.1")
    assert not await is_public("127.0.0.1")
    assert not await is_public("10.0.0.7")

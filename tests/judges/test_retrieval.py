"""Examples found for each interaction: balance, leakage, room, and what makes a version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import JudgeError
from dikast.judges.asking import assess
from dikast.judges.definition import Judge
from dikast.judges.lint import lint
from dikast.judges.rendering import render
from dikast.judges.retrieval import Retriever, Room, sides
from dikast.judges.scaffold import write_judge
from dikast.models.embedding import WordEmbedder
from dikast.models.lengths import most_tokens
from dikast.records import Interaction

TOPICS = ("refund of a broken lamp", "delivery to an island", "invoice with a tax number", "password that was lost")
WHY = "The rules of the shop say so in the third paragraph."


def pool(verdicts: tuple[Any, ...] = ("pass", "fail"), **more: Any) -> list[dict[str, Any]]:
    """An example of each topic and verdict."""
    return [
        {"id": f"{topic[:6]}-{verdict}", "input": f"Question: {topic}?", "output": f"{topic} {verdict} {at}"}
        | {"verdict": verdict, "critique": WHY, **more}
        for topic in TOPICS
        for at, verdict in enumerate(verdicts)
    ]


def judge(entries: list[dict[str, Any]] | None = None, k: int = 2, **given: Any) -> Judge:
    retrieve = {"k": k, "by": "words", **given.pop("retrieve", {})}
    made = {"name": "shop", "task": "Decide whether the reply states the rules right.", "scale": "pass_fail"}
    return Judge.from_dict({**made, "retrieve": retrieve, "pool": pool() if entries is None else entries, **given})


def asked(topic: str, **given: Any) -> Interaction:
    return Interaction(**{"id": "new", "input": f"And the {topic}, please?", "output": "As you like.", **given})


async def found(made: Judge, interaction: Interaction, **room: Any) -> list[str]:
    retriever = await Retriever.open(made, WordEmbedder(), Room(**room))
    return [one.id for one in await retriever.examples_for(interaction)]


@pytest.mark.parametrize("topic", TOPICS)
async def test_the_most_alike_of_each_verdict_are_found_the_nearest_last(topic: str) -> None:
    ids = await found(judge(k=4), asked(topic))
    assert {id.rpartition("-")[2] for id in ids} == {"pass", "fail"}
    assert {id.partition("-")[0] for id in ids[-2:]} == {topic[:6]}
    assert len(ids) == 4


@given(
    st.lists(st.sampled_from(["pass", "fail"]), min_size=1, max_size=12),
    st.integers(2, 7),
    st.text(max_size=40),
)
async def test_one_side_is_never_alone_where_the_pool_has_both(verdicts: list[str], k: int, text: str) -> None:
    entries = [
        {"id": str(at), "input": f"{text} {at}{at}", "output": f"out {at}", "verdict": verdict, "critique": WHY}
        for at, verdict in enumerate(verdicts)
    ]
    made = judge(entries, k=k)
    interaction = Interaction(id="new", input=f"{text} ?", output="something else entirely")
    ids = await found(made, interaction)
    shown = [verdicts[int(id)] for id in ids]
    assert len(ids) == len(set(ids)) == min(k, len(verdicts))
    assert set(shown) == set(verdicts)
    if verdicts.count("pass") >= k and verdicts.count("fail") >= k:
        assert abs(shown.count("pass") - shown.count("fail")) <= 1
    assert ids == await found(made, interaction)


class TestNothingGivesTheVerdictAway:
    """What may not be shown."""

    async def test_the_interaction_itself(self) -> None:
        made = judge(k=8)
        itself = made.pool[0]
        ids = await found(made, Interaction(id=itself.id, input=itself.input, output=itself.output))
        assert itself.id not in ids
        copied = await found(made, Interaction(id="other", input=itself.input, output=itself.output))
        assert itself.id not in copied

    async def test_another_answer_to_the_same_question(self) -> None:
        made = judge(k=8)
        ids = await found(made, Interaction(id="new", input=f"question:  {TOPICS[0].upper()}?", output="New."))
        assert not [id for id in ids if id.startswith(TOPICS[0][:6])]
        assert len(ids) == 6

    async def test_nearly_the_same(self) -> None:
        text = "The lamp was broken when it came, and the shop has to take it back within thirty days. " * 3
        entries = [{"id": "near", "input": f"{text} 1", "output": text, "verdict": "pass", "critique": WHY}, *pool()]
        ids = await found(judge(entries, k=8), Interaction(id="new", input=f"{text} 2", output=text))
        assert "near" not in ids

    async def test_but_a_form_that_all_inputs_share_says_nothing(self) -> None:
        entries = [{**one, "input": "Summarise."} for one in pool()]
        assert len(await found(judge(entries, k=4), Interaction(id="new", input="Summarise.", output="A text."))) == 4


class TestRoom:
    """Examples leave room for the rest."""

    async def test_as_many_as_fit_and_both_sides_or_none(self) -> None:
        made = judge(k=8, settings={"max_tokens": 100})
        interaction = asked(TOPICS[0])
        bare = most_tokens(render(made, interaction))
        sizes = [len(await found(made, interaction, context=bare + 100 + extra)) for extra in range(0, 1500, 100)]
        assert sizes[0] == 0
        assert sizes[-1] == 8
        assert sizes == sorted(sizes)
        assert 1 not in sizes
        for extra in (200, 400, 800):
            retriever = await Retriever.open(made, WordEmbedder(), Room(context=bare + 100 + extra))
            shown = render(made, interaction, examples=await retriever.examples_for(interaction))
            assert most_tokens(shown) + 100 <= bare + 100 + extra

    async def test_a_room_of_their_own(self) -> None:
        assert await found(judge(k=8, retrieve={"room": 10}), asked(TOPICS[0]), context=100_000) == []
        some = await found(judge(k=8, retrieve={"room": 500}), asked(TOPICS[0]), context=100_000)
        assert 2 <= len(some) < 8

    async def test_one_that_is_too_long_is_passed_over_for_the_next(self) -> None:
        long = {"id": "long", "input": f"Question: {TOPICS[0]}?", "output": "lamp " * 3000, "verdict": "pass"}
        ids = await found(judge([{**long, "critique": WHY}, *pool()], k=4), asked(TOPICS[0]), context=4000)
        assert "long" not in ids
        assert len(ids) == 4

    async def test_the_models_own_count_is_taken_where_a_bound_can_not_tell(self) -> None:
        calls: list[int] = []

        async def count(messages: Any) -> int:
            calls.append(1)
            return most_tokens(messages) // 3

        made, interaction = judge(k=8, settings={"max_tokens": 100}), asked(TOPICS[0])
        tight = most_tokens(render(made, interaction)) + 150
        assert len(await found(made, interaction, context=tight, count=count)) > len(
            await found(made, interaction, context=tight)
        )
        assert calls
        calls.clear()
        await found(made, interaction, context=100_000, count=count)
        assert not calls


class TestEveryKindOfJudge:
    """Single, reference, pairwise, ordinal; own prompts; several criteria."""

    async def test_ordinal_shows_both_halves(self) -> None:
        made = judge(pool((1, 2, 4, 5)), k=4, scale="1-5")
        assert sides(made, made.pool)[:4] == ["lower", "lower", "upper", "upper"]
        scores = [int(id.rpartition("-")[2]) for id in await found(made, asked(TOPICS[1]))]
        assert sum(score > 3 for score in scores) == 2
        high = judge([{**one, "verdict": 5 if at else 1} for at, one in enumerate(pool())], scale="1-5")
        assert sides(high, high.pool) == ["lower", *["upper"] * 7]

    async def test_pairs_show_the_same_examples_in_both_orders(self) -> None:
        more = {"output_a": "First answer.", "output_b": "Second answer."}
        entries = [{**one, **more, "output": None} for one in pool(("a", "b"))]
        made = judge(entries, scale="preference", mode="pairwise")
        pair = asked(TOPICS[2], output=None, output_a="Yes.", output_b="No.")
        retriever = await Retriever.open(made, WordEmbedder(), Room())
        examples = await retriever.examples_for(pair)
        assert {one.verdict for one in examples} == {"a", "b"}
        straight = render(made, pair, examples=examples)
        swapped = render(made, pair, examples=examples, swapped=True)
        assert straight[0] == swapped[0]
        assert straight[1] != swapped[1]

    async def test_a_reference_is_shown_with_its_example(self) -> None:
        made = judge(pool(reference="The rules."), mode="reference")
        interaction = asked(TOPICS[0], reference="It is allowed.")
        retriever = await Retriever.open(made, WordEmbedder(), Room())
        system, _ = render(made, interaction, examples=await retriever.examples_for(interaction))
        assert system.content.count("The rules.") == 2
        assert await retriever.examples_for(asked(TOPICS[0])) == ()  # it can't be judged: no reference

    async def test_an_own_prompt_has_them_where_it_says(self) -> None:
        prompt = "Judge by these:\n{examples}\n{answer_form}\nNow:\n{input}\n{output}"
        made = judge(prompt=prompt, task="")
        interaction = asked(TOPICS[3])
        retriever = await Retriever.open(made, WordEmbedder(), Room())
        (message,) = render(made, interaction, examples=await retriever.examples_for(interaction))
        assert message.content.index("Question: password") < message.content.index("As you like.")
        with pytest.raises(JudgeError, match=r"the prompt has no \{examples\}"):
            judge(prompt="{output} {answer_form}", task="")

    async def test_what_is_shared_comes_first_and_fixed_examples_stay(self) -> None:
        fixed = {"input": "q", "output": "a", "verdict": "pass", "critique": WHY}
        made = judge(examples=[fixed], fast=True)
        retriever = await Retriever.open(made, WordEmbedder(), Room())
        prompts = [
            render(made, asked(topic), fast=True, examples=await retriever.examples_for(asked(topic)))[0].content
            for topic in TOPICS
        ]
        shared = render(made, asked(TOPICS[0]), fast=True)[0].content
        assert all(prompt.startswith(shared) for prompt in prompts)
        assert len(set(prompts)) == len(TOPICS)
        assert "## Example 1\n" in shared
        assert "## Example 2\n" in prompts[0]


async def test_a_verdict_names_its_examples(script: Any) -> None:
    made = judge()
    retriever = await Retriever.open(made, WordEmbedder(), Room())
    ask = script([json.dumps({"reasoning": WHY, "verdict": "fail"})])
    verdict = await assess(made, asked(TOPICS[0]), ask, None, retriever)
    assert verdict.verdict == "fail"
    assert verdict.details is not None
    assert sorted(verdict.details["examples"]) == ["refund-fail", "refund-pass"]
    assert WHY in ask.requests[0].messages[0].content
    with pytest.raises(TypeError, match="no retriever"):
        await assess(made, asked(TOPICS[0]), ask, None)


class TestTheDefinition:
    """How it is written, read and told apart."""

    def test_it_is_written_and_read_back(self, tmp_path: Path) -> None:
        made = judge()
        write_judge(made, tmp_path / "one")
        made.save(tmp_path / "two")
        for name in ("one", "two"):
            assert sorted(file.name for file in (tmp_path / name).iterdir()) == ["judge.yaml", "pool.jsonl"]
            assert len((tmp_path / name / "pool.jsonl").read_text().splitlines()) == 8
            again = Judge.load(tmp_path / name)
            assert again.version == made.version
            assert again.retrieve is not None
            assert again.retrieve.fingerprint == WordEmbedder.fingerprint
        assert Judge.from_dict(made.definition) == made
        assert "pool" not in (tmp_path / "one" / "judge.yaml").read_text().replace("pool.jsonl", "")

    def test_all_of_it_makes_the_version(self) -> None:
        other = [
            {**one, "critique": "Another reason, told at length."} if not at else one for at, one in enumerate(pool())
        ]
        made = [judge(), judge(k=4), judge(retrieve={"room": 9}), judge(retrieve={"fingerprint": "x"}), judge(other)]
        made += [judge(pool()[::-1]), judge(retrieve={"by": "local"}), Judge.from_dict({"name": "n", "task": "t"})]
        assert len({one.version for one in made}) == len(made)

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"retrieve": {"k": 1}}, r"retrieve\.k: is 1; expected 2"),
            ({"retrieve": {"by": "nowhere"}}, r"retrieve\.by: 'nowhere' is not an embedder"),
            ({"retrieve": {"room": 0}}, r"retrieve\.room"),
            ({"retrieve": {"many": 3}}, r"retrieve\.many: there is no such key"),
            ({"pool": []}, "there is no pool"),
            ({"pool": [*pool(), pool()[0]]}, "is there twice"),
            ({"pool": [{**pool()[0], "verdict": "maybe"}]}, r"pool\[0\]\.verdict"),
            ({"pool": [{**pool()[0], "output": None}]}, r"pool\[0\]\.output: is missing"),
            ({"pool": [{"input": "a", "output": "b"}]}, "id: is missing"),
        ],
    )
    def test_what_contradicts_itself_is_told(self, changes: dict[str, Any], says: str) -> None:
        with pytest.raises(JudgeError, match=says):
            judge(**changes)

    def test_a_pool_without_retrieval_is_told(self, tmp_path: Path) -> None:
        write_judge(judge(), tmp_path / "one")
        file = tmp_path / "one" / "judge.yaml"
        file.write_text(file.read_text().partition("retrieve:")[0])
        with pytest.raises(JudgeError, match="no retrieve that would use it"):
            Judge.load(tmp_path / "one")
        (tmp_path / "one" / "pool.jsonl").write_text('{"id": \n')
        with pytest.raises(JudgeError, match=r"pool\.jsonl, line 1: not JSON"):
            Judge.load(tmp_path / "one")

    async def test_other_weights_than_it_was_built_with_are_told(self) -> None:
        with pytest.raises(JudgeError, match="is now 'words@2048'"):
            await Retriever.open(judge(retrieve={"fingerprint": "words@9"}), WordEmbedder(), Room())
        with pytest.raises(TypeError, match="retrieves no examples"):
            await Retriever.open(Judge.from_dict({"name": "n", "task": "t"}), WordEmbedder(), Room())

    def test_lint_looks_at_the_pool(self) -> None:
        one_sided = [one for one in pool() if one["verdict"] == "fail"]
        terse = [{**one, "critique": "Bad."} for one in one_sided]
        found = {(finding.code, finding.where) for finding in lint(judge(terse, k=4))}
        assert {("unbalanced-examples", "pool"), ("terse-critique", "pool"), ("small-pool", "pool")} <= found
        assert "no-examples" not in {code for code, _ in found}

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from dikast.records import Interaction
from dikast.report.lookup import in_step, interactions_by_id


def interactions(n: int, read: list[str] | None = None) -> Iterator[Interaction]:
    for at in range(n):
        if read is not None:
            read.append(str(at))
        yield Interaction(id=str(at), input=at)


def test_one_pass_ends_when_all_are_found() -> None:
    read: list[str] = []
    assert set(interactions_by_id(interactions(100, read), {"3", "5"})) == {"3", "5"}
    assert read[-1] == "5"


def test_unknown_ids_are_left_out() -> None:
    assert interactions_by_id(interactions(5), {"2", "nope"}).keys() == {"2"}


def test_in_step_reads_no_further_than_needed() -> None:
    read: list[str] = []
    find = in_step(interactions(100, read))
    assert [found.id for at in (0, 2, 3) if (found := find(str(at)))] == ["0", "2", "3"]
    assert read[-1] == "3"
    assert find("nope") is None


@given(st.permutations(range(12)))
def test_any_order_finds_all(order: list[int]) -> None:
    find = in_step(interactions(12))
    for at in order:
        found = find(str(at))
        assert found is not None
        assert found.input == at

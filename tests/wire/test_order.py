from __future__ import annotations

import itertools

import pytest

from contoso_lab.wire.order import ItemOrder


@pytest.mark.parametrize("arrival", list(itertools.permutations("bcd")))
def test_any_order_of_arrival_gives_the_stated_order(arrival: tuple[str, ...]) -> None:
    after = {"b": "a", "c": "b", "d": "c"}
    order = ItemOrder()
    for item in arrival:
        order.place(item, after=after[item])
    order.place("a", after=None)
    assert list(order) == ["a", "b", "c", "d"]


def test_an_item_moves_when_its_place_becomes_known() -> None:
    order = ItemOrder()
    for item in ("u", "a1", "a2"):
        order.note(item)
    order.place("u", after="a2")
    order.place("u", after="a2")
    assert list(order) == ["a1", "a2", "u"]


def test_insertions_and_the_root() -> None:
    order = ItemOrder()
    order.place("a", after=None)
    order.place("c", after="a")
    order.place("b", after="a")
    order.place("first", after="root")
    order.place("a", after="a")
    assert list(order) == ["first", "a", "b", "c"]


def test_statements_that_contradict_each_other_lose_no_item() -> None:
    order = ItemOrder()
    order.place("a", after="b")
    order.place("b", after="a")
    assert sorted(order) == ["a", "b"]


def test_a_long_talk_is_sorted_without_deep_recursion() -> None:
    order = ItemOrder()
    for number in range(2000):
        order.place(str(number), after=str(number - 1) if number else None)
    assert list(order) == [str(number) for number in range(2000)]

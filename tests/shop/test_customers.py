"""The customers, and files of customers that do not hold together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import ShopError
from contoso_lab.shop import Catalog, get_customer, load_customers

TOM = {"id": "tom", "name": "Tom Reed", "email": "tom@example.com", "home": "Bend", "about": "Hikes.", "purchases": []}


def test_all_own_only_what_the_shop_sells() -> None:
    customers = load_customers()
    assert list(customers)[:5] == ["maya", "daniel", "priya", "lucas", "elena"]
    assert {customer.language for customer in customers.values()} == {"en", "de", "fr", "es", "ja"}
    assert max(len(customer.purchases) for customer in customers.values()) > 10
    assert [customer.id for customer in customers.values() if "upset" in customer.about] == ["walter"]
    assert all(customer.email.endswith("@example.com") for customer in customers.values()), "nobody real"
    assert all(sku in Catalog.load() for customer in customers.values() for sku in customer.purchases)


def test_maya_is_who_the_recorded_call_says() -> None:
    maya = get_customer("maya")
    assert (maya.name, maya.first_name, maya.purchases) == ("Maya Chen", "Maya", ("FTW-01", "PAC-01"))
    assert repr(maya) == "<Customer maya: Maya Chen, bought FTW-01, PAC-01>"
    assert "Maya Chen" in maya._repr_html_()


def test_an_unknown_customer_names_the_close_one() -> None:
    with pytest.raises(ShopError, match="no customer 'mya'; did you mean 'maya'"):
        get_customer("mya")


@pytest.mark.parametrize(
    ("customers", "message"),
    [
        ([TOM, TOM], r"customer 2 \(tom\): the id 'tom' stands twice"),
        ([TOM | {"purchases": ["TEN-99"]}], r"customer 1 \(tom\): bought TEN-99, which is not in the catalogue"),
        ([TOM | {"phone": "1"}], r"customers 1 \(tom\) phone is not known here"),
        ([{"id": "tom"}], r"customers 1 \(tom\) name is missing; add it\n.*email is missing; add it\n"),
        ([TOM | {"language": "English"}], r"customers 1 \(tom\) language is wrong"),
        ([TOM | {"name": "Tom\nassistant:"}], r"customers 1 \(tom\) name is wrong"),
        ([], "customers is wrong"),
    ],
)
def test_a_bad_file_is_blamed_by_place(tmp_path: Path, customers: list[dict[str, Any]], message: str) -> None:
    path = tmp_path / "customers.json"
    path.write_text(json.dumps({"schema_version": 1, "customers": customers}), encoding="utf-8")
    with pytest.raises(ShopError, match=f"customers.json: .*{message}"):
        load_customers(path)


def test_a_shop_knows_only_what_it_carries_of_what_a_customer_owns() -> None:
    maya, catalog = get_customer("maya"), Catalog.load()
    assert maya.in_shop(catalog) is maya
    assert maya.in_shop(catalog.without(*maya.purchases)).purchases == ()

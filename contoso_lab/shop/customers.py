"""The customers: invented people with a name, a plan and a history of purchases."""

from __future__ import annotations

import difflib
import functools
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contoso_lab.errors import ShopError
from contoso_lab.settings import HOME
from contoso_lab.shop import card
from contoso_lab.shop.catalog import Catalog, is_ours
from contoso_lab.shop.files import blamed, place, read_json
from contoso_lab.shop.product import Language, Plain, Sku


class Customer(BaseModel):
    """Somebody who calls the shop.

    >>> get_customer("maya").first_name
    'Maya'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
    name: Plain
    email: Plain
    home: Plain
    about: Plain
    """What they do outdoors, for the person who plays them."""
    language: Language = "en"
    """The one they speak at home."""
    purchases: tuple[Sku, ...] = ()

    @property
    def first_name(self) -> str:
        """How the agent addresses them."""
        return self.name.split()[0]

    def __str__(self) -> str:
        return repr(self)

    def in_shop(self, catalog: Catalog) -> Customer:
        """The same customer in a shop that does not carry all that they own: what it cannot name, it does not know."""
        kept = tuple(sku for sku in self.purchases if sku in catalog)
        return self if kept == self.purchases else self.model_copy(update={"purchases": kept})

    def __repr__(self) -> str:
        return f"<Customer {self.id}: {self.name}, bought {', '.join(self.purchases) or 'nothing yet'}>"

    def _repr_html_(self) -> str:
        return card.customer_card(self)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(ge=1, le=1)
    customers: tuple[Customer, ...] = Field(min_length=1)


def load_customers(path: Path | str | None = None, *, catalog: Catalog | None = None) -> dict[str, Customer]:
    """Read the customers, by id; by default `data/customers.json` against the catalogue in use.

    In a catalogue that is not the shop's own, our customers have bought what of theirs it holds: mostly nothing.

    Raises:
        ShopError: the file is missing or holds no customers, an id stands twice, or a purchase is not in the catalogue;
            a sentence for each fault.
    """
    file = Path(path) if path is not None else HOME / "data" / "customers.json"
    return dict(_load(file, catalog or Catalog.load(), file.stat().st_mtime_ns if file.is_file() else 0, path is None))


def get_customer(customer_id: str) -> Customer:
    """The customer with this id.

    Raises:
        ShopError: there is none.
    """
    customers = load_customers()
    if customer_id not in customers:
        close = difflib.get_close_matches(customer_id, customers, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(customers)}"
        raise ShopError(f"there is no customer {customer_id!r}; {hint}")
    return customers[customer_id]


@functools.lru_cache(maxsize=8)
def _load(file: Path, catalog: Catalog, stamp: int, ours: bool) -> dict[str, Customer]:
    data, _ = read_json(file)
    try:
        customers = _File.model_validate(data).customers
    except ValidationError as problem:
        raise blamed(file, place(problem, data)) from problem
    guests = ours and not is_ours(catalog)
    found: dict[str, Customer] = {}
    faults: list[str] = []
    for number, customer in enumerate(customers, start=1):
        where = f"customer {number} ({customer.id})"
        if customer.id in found:
            faults.append(f"{where}: the id {customer.id!r} stands twice; give it another")
        unknown = [sku for sku in customer.purchases if sku not in catalog]
        if not guests:
            faults += [f"{where}: bought {sku}, which is not in the catalogue; correct 'purchases'" for sku in unknown]
        found[customer.id] = customer.in_shop(catalog)
    if faults:
        raise blamed(file, "\n".join(faults))
    return found

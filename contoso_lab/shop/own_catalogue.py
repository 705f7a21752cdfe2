"""A user's own catalogue: a CSV, a data frame or a JSON file becomes the object that everything speaks of.

Only a name and a price are needed. What a shop's table calls otherwise is understood (`title`, `cost`, `id`), what it
has beyond our columns becomes a fact of the product, and a missing manual or picture is no fault. What is wrong is
said all at once, one sentence each with the row and the column, because nobody wants to correct a table line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ValidationError

from contoso_lab.errors import ShopError
from contoso_lab.shop.catalog import Catalog, from_data, read_file
from contoso_lab.shop.files import MOST_BYTES, read_json, shown
from contoso_lab.shop.product import Product

if TYPE_CHECKING:
    from pandas import DataFrame

_OTHER_NAMES = {
    "id": "sku", "product_id": "sku", "article": "sku", "title": "name", "product": "name", "product_name": "name",
    "cost": "price", "price_usd": "price", "amount": "price", "kind": "category", "type": "category",
    "maker": "brand", "manufacturer": "brand", "summary": "description", "picture": "image", "image_url": "image",
}  # fmt: skip
_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW"}
_LISTS = frozenset({"features"})
_TEXTS = frozenset({"name", "category", "brand", "description", "season", "material", "waterproof", "weight_of"})
_KNOWN = frozenset(Product.model_fields) - {"amount", "manual_file", "aliases", "details"} | {"price", "manual"}
_ALIASES = re.compile(r"aliases?(?:_([a-z]{2}))?")
_MOST_COLUMNS = 200
_MOST_TOLD = 20
"""After so many faults the table is wrong as a whole, and more sentences do not help."""


def read(source: Path | str | DataFrame) -> Catalog:
    """Read what a user has: a .json or .csv file, or a data frame.

    Raises:
        ShopError: the file is of another kind, or is wrong.
    """
    if isinstance(source, pd.DataFrame):
        return from_frame(source)
    path = Path(source)
    match path.suffix.lower():
        case ".json":
            return from_json(path)
        case ".csv":
            return from_csv(path)
        case other:
            raise ShopError(
                f"{shown(path)}: a catalogue is a .json or a .csv file, not {other or 'a file without end'}"
            )


def from_json(path: Path) -> Catalog:
    """Read the shop's own format, or a list of products with the names of the columns."""
    data, raw = read_json(path)
    if isinstance(data, Mapping) and "schema_version" in data:
        return read_file(path, strict=False)
    rows = data.get("products") if isinstance(data, Mapping) else data
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ShopError(f"{shown(path)}: holds no list of products; make it [{{'name': …, 'price': …}}, …]")
    currency = str(data["currency"]) if isinstance(data, Mapping) and "currency" in data else None
    labels = [f"product {number}" for number in range(1, len(rows) + 1)]
    return _from_rows(rows, labels, path, raw, currency, of_column="field")


def from_csv(path: Path, *, currency: str | None = None) -> Catalog:
    """Read a table whose first line names the columns; rows are counted as a spreadsheet does, that line being 1."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ShopError(f"{shown(path)}: is larger than {MOST_BYTES >> 20} MiB; leave out what no shop needs")
        raw = path.read_bytes()
        first = raw.decode("utf-8-sig").partition("\n")[0]
        between = max(",;\t", key=first.count)  # what the first line has most of, a comma where it has none
        if first.count(between) >= _MOST_COLUMNS:
            raise ShopError(f"{shown(path)}: has more than {_MOST_COLUMNS} columns; leave out what no shop needs")
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, sep=between, encoding="utf-8-sig")
    except OSError as problem:
        raise ShopError(f"{shown(path)}: cannot be read ({problem.strerror}); check the path") from problem
    except UnicodeDecodeError as problem:
        raise ShopError(f"{shown(path)}: is not UTF-8 (byte {problem.start}); save it as UTF-8") from problem
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        raise ShopError(f"{shown(path)}: is no table ({str(problem).strip()}); save it as CSV again") from problem
    labels = [f"row {number}" for number in range(2, len(frame) + 2)]
    return _from_rows(frame.to_dict("records"), labels, path, raw, currency)


def from_frame(frame: DataFrame, *, currency: str | None = None) -> Catalog:
    """Make a catalogue of a data frame; rows are called by their label."""
    rows = frame.to_dict("records")
    raw = json.dumps([rows, currency], default=str, sort_keys=True).encode()
    labels = [f"row {label}" for label in frame.index]
    return _from_rows(rows, labels, Path.cwd() / "the data frame", raw, currency)


def _from_rows(
    rows: Sequence[Mapping[Any, Any]],
    labels: Sequence[str],
    file: Path,
    raw: bytes,
    currency: str | None,
    of_column: str = "column",
) -> Catalog:
    where = file.name if file.name == "the data frame" else shown(file)
    if not rows:
        raise ShopError(f"{where}: has no products; add a row with a name and a price")
    faults: list[str] = []
    products: list[dict[str, Any]] = []
    currencies = {currency} if currency else set[str]()
    seen: dict[tuple[str, str], str] = {}
    for number, (row, label) in enumerate(zip(rows, labels, strict=True), start=1):
        given, wrong = _product(row, number)
        own = str(given.pop("currency", "") or "").upper()
        if own:
            currencies.add(own)
        for column, sentence in [*wrong, *_refused(given, {column for column, _ in wrong})]:
            faults.append(f"{label}, {of_column} {column!r}: {sentence}")
        for column in ("sku", "name"):
            value = str(given.get(column, "")).lower()
            if value and (column, value) in seen:
                faults.append(f"{label}, {of_column} {column!r}: {value!r} already stands in {seen[column, value]}; "
                              "give it another")  # fmt: skip
            seen.setdefault((column, value), label)
        products.append(given)
    if len(currencies) > 1:
        faults.append(f"there are prices in {', '.join(sorted(currencies))}; a catalogue has one currency, so convert")
    if faults:
        more = len(faults) - _MOST_TOLD
        told = [f"{where}: {fault}" for fault in faults[:_MOST_TOLD]] + ([f"… and {more} more"] if more > 0 else [])
        raise ShopError("\n".join(told))
    data = {"schema_version": 2, "currency": (*currencies, "USD")[0], "products": products}
    return from_data(data, raw, file, strict=False)


def _product(row: Mapping[Any, Any], number: int) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A row as the file format has it, and what cannot be understood: (column, sentence)."""
    given: dict[str, Any] = {}
    details: dict[str, str] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    wrong: list[tuple[str, str]] = []
    named = any(str(column).strip().lower() == "currency" for column in row)
    for column, value in row.items():
        if _is_nothing(value):
            continue
        name = re.sub(r"\W+", "_", str(column).strip().lower()).strip("_")
        name = _OTHER_NAMES.get(name, name)
        if name == "price":
            try:
                given["price"] = read_price(value)
                # A sign tells the currency, unless a column does; the dollar is many countries'.
                sign = next((sign for sign in _SIGNS if sign in str(value)), None)
                given |= {"currency": _SIGNS[sign]} if sign and not named else {}
            except ValueError as problem:
                wrong.append(("price", str(problem)))
        elif kind := _ALIASES.fullmatch(name):
            groups = value if isinstance(value, Mapping) else {kind[1] or "en": value}
            aliases |= {str(language): _listed(names) for language, names in groups.items()}
        elif name == "details" and isinstance(value, Mapping):
            details |= {_line(key): _line(each) for key, each in value.items()}
        elif name in _LISTS:
            given[name] = _listed(value)
        elif name == "packed_cm":
            given[name] = re.findall(r"\d+", value) if isinstance(value, str) else value
        elif name in _KNOWN:
            given[name] = _line(value) if name in _TEXTS else value.strip() if isinstance(value, str) else value
        else:
            details[_line(str(column).strip().replace("_", " "))] = _line(value)
    # In the shape of our own SKUs, so that a model's invented one is seen as such.
    given["sku"] = str(given.get("sku") or f"PRD-{number:02d}")
    if details:
        given["details"] = details
    if aliases:
        given["aliases"] = aliases
    return given, wrong


def _refused(given: Mapping[str, Any], told: set[str]) -> list[tuple[str, str]]:
    try:
        Product.model_validate(dict(given))
    except ValidationError as problem:
        found = []
        for error in problem.errors(include_url=False):
            column = str(error["loc"][0]) if error["loc"] else "the row"
            if column in told:
                continue
            if error["type"] == "missing":
                found.append((column, f"is missing; every product needs a {column}"))
            else:
                shown_as = str(error["input"])[:40]
                found.append((column, f"{shown_as!r} is wrong: {error['msg'][:1].lower()}{error['msg'][1:]}"))
        return found
    return []


def read_price(value: object) -> Decimal:
    """A price as tables have it, with or without a sign, with a point or a comma.

    Raises:
        ValueError: it is none.

    >>> read_price("$1,249.00"), read_price("1.249,50 €"), read_price(79)
    (Decimal('1249.00'), Decimal('1249.50'), Decimal('79'))
    """
    bare = re.fullmatch(r"[^\d.,-]*(-?[\d.,]+)[^\d.,]*", str(value).strip())
    text = bare[1] if bare else ""
    if re.fullmatch(r"-?\d{1,3}(?:\.\d{3})*,\d{1,2}|-?\d+,\d{1,2}", text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    if not re.fullmatch(r"-?\d+(?:\.\d+)?", text):
        raise ValueError(f"{str(value)[:40]!r} is no price; write a number such as 249.00")
    return Decimal(text)


def _is_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and value != value) or value is pd.NA


def _line(value: Any) -> str:
    """Text on one line without the dividers of a prompt's lines."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split()).replace("|", "/").replace(";", ",")


def _listed(value: Any) -> tuple[str, ...]:
    """The parts of a list, of a text with dividers, or of a list of one that was written without its brackets."""
    parts = re.split(r"[|;\n]", value) if isinstance(value, str) else value
    if not isinstance(parts, Iterable):
        parts = (parts,)
    return tuple(_line(part) for part in parts if str(part).strip())

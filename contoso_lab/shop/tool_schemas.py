"""How the shop's tools introduce themselves to a model: names, arguments, and when to use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.shop.cart import MOST_OF_ONE
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.manual import SECTIONS

MOST_FOUND = 5
"""How many products a search tells of: nobody keeps more in mind when they are read out."""
MOST_SHOWN = 3
"""How many products a page on the screen holds."""

Schema = Mapping[str, Any]

SECTION_NAMES = tuple(name.lower().replace(" ", "_") for name in SECTIONS)
"""The sections of a manual as an argument names them."""


def schemas(catalog: Catalog) -> dict[str, Schema]:
    """All tools' schemas for a catalogue, by name, each as it stands in a session's `tools`.

    >>> schemas(Catalog.load())["add_to_cart"]["parameters"]["required"]
    ['sku']
    """
    example = catalog.products[0]
    sku = {"type": "string", "description": f"The product's SKU, such as {example.sku}. Its exact name works as well."}
    made = (
        _schema(
            "search_catalog",
            "Find products of this shop that fit what the customer needs. Call it before you recommend anything, and "
            "recommend only what it gives. Never recommend a product with already_bought true unless the customer "
            f"asks for that very product. Prices are in {catalog.currency}.",
            ["query"],
            query={
                "type": "string",
                "description": "What the customer needs, in a few plain words: 'warm sleeping bag', 'tent for four'.",
            },
            category={
                "type": "string",
                "enum": list(catalog.categories),
                "description": "Only products of this category. Leave it out when the customer named none.",
            },
            max_price={
                "type": "number",
                "description": "The most that it may cost. Leave it out when no limit was named.",
            },
            limit={
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_FOUND,
                "description": "How many products to give; 3 when left out. Ask for few: they are read aloud.",
            },
        ),
        _schema(
            "get_product",
            "Everything that the shop knows of one product: price, features, weight, sizes, material; or one section "
            "of its manual, such as the warranty. Call it before you state a fact that you were not given, and state "
            "only facts that it gives.",
            ["sku"],
            sku=sku,
            section={
                "type": "string",
                "enum": list(SECTION_NAMES),
                "description": "Only this section of the manual. Leave it out for price and facts.",
            },
        ),
        _schema(
            "order_status",
            "What this customer has bought and ordered. It knows no deliveries; the answer says so, and so must you. "
            "It is always about the customer of this conversation, never about anybody else.",
            [],
            order={
                "type": "string",
                "description": "The product or order number that the customer asks about. Leave it out for everything.",
            },
        ),
        _schema(
            "add_to_cart",
            "Put a product into the customer's cart, after they said that they want it. It buys nothing yet.",
            ["sku"],
            sku=sku,
            quantity={
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_OF_ONE,
                "description": "How many more; 1 when left out.",
            },
        ),
        _schema(
            "show_suggestions",
            "Put products on the customer's screen. Ask for permission first, and show only products that you have "
            "talked about and that the customer does not own.",
            ["skus"],
            skus={
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "maxItems": MOST_SHOWN,
                "description": "The products' SKUs, the best first.",
            },
        ),
        _schema(
            "checkout",
            "Buy what is in the cart. First call it without an argument: it tells the total, which you say and ask "
            "the customer to confirm. After they said yes, call it with that total. It buys only what the customer was "
            "heard to agree to, or confirmed with a button.",
            [],
            confirmed_total={
                "type": "number",
                "description": "The total to which the customer has said yes. Leave it out the first time.",
            },
        ),
    )
    return {str(schema["name"]): schema for schema in made}


def _schema(name: str, description: str, required: Sequence[str], **properties: Mapping[str, Any]) -> Schema:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": list(required),
            "additionalProperties": False,
        },
    }

"""What the shop knows of people and of products, for those who take what is private out of a recording."""

from __future__ import annotations

from contoso_lab.recording.redact_rules import Known
from contoso_lab.shop import Catalog, load_customers


def known_people() -> Known:
    """The names, addresses and homes of all customers, and the names of products, which are nobody's.

    >>> known = known_people()
    >>> "Maya Chen" in known.names, "Portland" in known.places, "glacier boots" in known.keep
    (True, True, True)
    """
    known = Known()
    for product in Catalog.load():
        known.keep |= {product.name.lower(), product.sku.lower()}
        # "TrailMaster" alone is the product, too; "Alpine" is, in this shop.
        known.keep |= {word.lower() for word in product.name.split() if len(word) > 3}
    for customer in load_customers().values():
        known.learn(customer.name)
        known.remember(customer.email, "email")
        known.places |= {part.strip() for part in customer.home.split(",") if part.strip()}
    return known

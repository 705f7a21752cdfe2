"""What makes it Contoso: products, customers, the agent's words, and whether its prices are true.

>>> catalog = Catalog.load()
>>> catalog.get("TEN-02").name, get_customer("maya").purchases
('Meadow Four', ('FTW-01', 'PAC-01'))
"""

from __future__ import annotations

from contoso_lab.shop.cart import Basket, Cart, DictBasket, Order
from contoso_lab.shop.catalog import CATEGORIES, Catalog, Product, catalogue_path, use_catalog
from contoso_lab.shop.chat import ChatAnswer
from contoso_lab.shop.customers import Customer, get_customer, load_customers
from contoso_lab.shop.manual import Manual
from contoso_lab.shop.specs import Spec
from contoso_lab.shop.thread import thread
from contoso_lab.shop.tools import ShopTool, shop_tools
from contoso_lab.shop.truth import Claim, price_claims
from contoso_lab.shop.voice import session_config
from contoso_lab.shop.writeup import GateDecision, WriteUp, decide, find_skus, skus_in, suggest

__all__ = [
    "Basket",
    "CATEGORIES",
    "Cart",
    "Catalog",
    "ChatAnswer",
    "Claim",
    "Customer",
    "DictBasket",
    "GateDecision",
    "Manual",
    "Order",
    "Product",
    "ShopTool",
    "Spec",
    "WriteUp",
    "catalogue_path",
    "decide",
    "find_skus",
    "get_customer",
    "load_customers",
    "price_claims",
    "session_config",
    "shop_tools",
    "skus_in",
    "suggest",
    "thread",
    "use_catalog",
]

"""What was said in chat and on calls, and where each conversation stands: kept over restarts, shared by relays.

>>> with open_memory("sqlite://") as memory:
...     thread = memory.create(customer="maya", persona="voice")
...     _ = memory.append(thread.id, Message(source="chat", role="user", text="Do you have tents?"))
...     _ = memory.update(thread.id, lambda state: state | {"cart": [{"sku": "TEN-02", "quantity": 1}]})
...     [message.text for message in memory.history(thread.id)], memory.forget("maya")
(['Do you have tents?'], Forgotten(threads=1, messages=1))
"""

from __future__ import annotations

from contoso_lab.memory.in_async import AsyncMemory, alone
from contoso_lab.memory.manager import Memory
from contoso_lab.memory.opening import memory_beside, open_memory
from contoso_lab.memory.sharing import Lease
from contoso_lab.memory.values import Forgotten, Message, Thread

__all__ = ["AsyncMemory", "Forgotten", "Lease", "Memory", "Message", "Thread", "alone", "memory_beside", "open_memory"]

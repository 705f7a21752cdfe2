"""A store's trouble, told as ours: one sentence for a memory that was closed, one for a server that does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contoso_lab.errors import MemoryClosed, MemoryUnreachable


@contextmanager
def told_as_ours(where: str, *, closed: Callable[[], bool], trouble: tuple[type[Exception], ...]) -> Iterator[None]:
    """Ask a store inside the block.

    Args:
        where: its address, without a password.
        closed: whether it was closed here; asked before and after.
        trouble: what its driver raises.

    Raises:
        MemoryClosed: it was closed before, or meanwhile.
        MemoryUnreachable: its driver failed.

    >>> with told_as_ours("the memory in RAM", closed=lambda: True, trouble=(OSError,)):
    ...     pass
    Traceback (most recent call last):
    contoso_lab.errors.MemoryClosed: the memory in RAM was closed here: open the memory again
    """
    if closed():
        raise MemoryClosed(f"{where} was closed here: open the memory again")
    try:
        yield
    except trouble as error:
        if closed():
            raise MemoryClosed(f"{where} was closed here meanwhile: open the memory again") from error
        raise MemoryUnreachable(f"{where} does not answer: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The driver's own sentence, without the question: that holds what customers said."""
    said = str(getattr(error, "orig", None) or error)
    return said.strip().partition("\n")[0] or type(error).__name__

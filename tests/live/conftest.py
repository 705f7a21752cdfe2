"""The workbench as a user has it: engine and relay in processes of their own, with the real models."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contoso_lab.live import Here, serve


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Here]:
    async with serve(runs=tmp_path_factory.mktemp("runs")) as running:
        yield running

"""A pytest plugin: an evaluation is a test.

```python
import pytest

@pytest.mark.suite("personas")
def test_the_personas_hold(suite_run):
    assert suite_run.passed, suite_run
```

A test that is marked runs the suite before its body; without a body of its own, `assert_gates` is all it needs. The
plugin is found by pytest when contoso-lab is installed, and imports nothing of it before a test is marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from contoso_lab.evaluation.run import SuiteRun


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that --strict-markers takes it."""
    config.addinivalue_line("markers", "suite(name): run this suite of evals/ and give it to the test as suite_run")


@pytest.fixture
def suite_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SuiteRun:
    """What came of the suite that the test is marked with."""
    import asyncio

    from contoso_lab.evaluation.run import run_suite

    marker = request.node.get_closest_marker("suite")
    if marker is None or len(marker.args) != 1:
        pytest.fail('name the suite above the test: @pytest.mark.suite("personas")', pytrace=False)
    runs = tmp_path_factory.mktemp("runs")
    return asyncio.run(run_suite(marker.args[0], runs=runs))

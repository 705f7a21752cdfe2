from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.errors import LabError
from contoso_lab.relay.__main__ import memory_address
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.setup import shop_setup
from contoso_lab.settings import Settings


@pytest.mark.parametrize("persona", ["voice", "voice_brief"])
def test_the_shop_prepares_a_call(persona):
    setup = shop_setup(Grant(persona, "maya"))
    assert setup.session["type"] == "realtime"
    assert "Maya Chen" in setup.session["instructions"]
    assert "TEN-02" in setup.session["instructions"]
    assert len(setup.catalogue_sha) == 64
    assert setup.prompts.keys() == {persona}


@pytest.mark.parametrize("grant", [Grant("no_such_persona", "maya"), Grant("voice", "nobody")])
def test_who_is_not_there_is_named(grant):
    with pytest.raises(LabError, match=r"no_such_persona|nobody"):
        shop_setup(grant)


@pytest.mark.parametrize(
    ("given", "environment", "records", "where"),
    [
        (None, None, True, "sqlite:////runs/memory.sqlite3"),
        (None, None, False, "sqlite://"),  # who records nothing leaves nothing on the disk
        ("none", "redis://a", True, None),
        (None, "none", True, None),
        (None, "redis://:hunter2@there/0", True, "redis://:hunter2@there/0"),
        ("redis://there/0", "redis://elsewhere/0", True, "redis://there/0"),
    ],
)
def test_where_the_threads_are_kept(given, environment, records, where):
    settings = Settings(memory=environment)
    assert memory_address(given, settings, Path("/runs"), records=records) == where

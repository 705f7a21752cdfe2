from __future__ import annotations

import pytest

from contoso_lab.errors import LabError
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.setup import shop_setup


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

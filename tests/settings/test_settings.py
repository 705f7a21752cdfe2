from __future__ import annotations

import sys

import pytest

from contoso_lab.errors import ConfigError, MissingKey
from contoso_lab.settings import Settings, Target, key_names_present

VARIABLES = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "CONTOSO_LAB_TARGET", "CONTOSO_LAB_URL")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env of somebody's
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "error", "sentence"),
    [
        ({"CONTOSO_LAB_TARGET": "openai"}, MissingKey, "target 'openai' needs a key: set OPENAI_API_KEY"),
        ({"CONTOSO_LAB_TARGET": "azure"}, ConfigError, "set AZURE_OPENAI_ENDPOINT"),
        ({"CONTOSO_LAB_TARGET": "url"}, ConfigError, "set CONTOSO_LAB_URL"),
        ({"CONTOSO_LAB_TARGET": "google"}, ConfigError, "CONTOSO_LAB_TARGET in the environment or .env is wrong"),
    ],
)
def test_what_is_missing_is_said_with_its_name(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], error: type[Exception], sentence: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=sentence):
        Target.from_env()


@pytest.mark.parametrize(
    ("environment", "url", "header"),
    [
        (
            {"CONTOSO_LAB_TARGET": "openai", "OPENAI_API_KEY": "sk-1"},
            "wss://api.openai.com/v1/realtime?model=gpt-realtime",
            {"Authorization": "Bearer sk-1"},
        ),
        (
            {
                "CONTOSO_LAB_TARGET": "azure",
                "AZURE_OPENAI_ENDPOINT": "https://a.example/",
                "AZURE_OPENAI_API_KEY": "k",
            },
            "wss://a.example/openai/v1/realtime?model=gpt-realtime",
            {"api-key": "k"},
        ),
        (
            {"CONTOSO_LAB_URL": "http://127.0.0.1:8000/v1/", "OPENAI_API_KEY": "sk-1"},
            "ws://127.0.0.1:8000/v1/realtime?model=local",
            {},
        ),
    ],
)
def test_where_a_target_is_and_what_opens_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, header: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    target = Target.from_env()
    assert target.realtime_url == url
    assert target.headers == header


def test_azure_without_a_key_is_opened_by_entra_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://a.example/openai/v1/")
    monkeypatch.setenv("AZURE_OPENAI_SCOPE", "https://cognitiveservices.azure.us/.default")
    target = Target.from_env(Settings(target="azure"))
    assert target.entra
    assert (target.headers, target.scope) == ({}, "https://cognitiveservices.azure.us/.default")
    assert not Target.local("http://127.0.0.1:9/v1").entra
    monkeypatch.setitem(sys.modules, "azure", None)  # azure-identity is not installed
    monkeypatch.delitem(sys.modules, "azure.identity", raising=False)
    with pytest.raises(MissingKey, match=r"set AZURE_OPENAI_API_KEY.*or use Entra ID.*contoso-lab\[azure\]"):
        Target.from_env(Settings(target="azure"))


def test_a_model_may_have_any_name() -> None:
    assert Target("url", "http://there/v1", "a b&c=d", "m").realtime_url == "ws://there/v1/realtime?model=a%20b%26c%3Dd"


def test_no_key_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    settings = Settings(target="openai")
    for shown in (repr(settings), repr(Target.from_env(settings)), str(key_names_present())):
        assert "very-secret" not in shown
    assert key_names_present()["OPENAI_API_KEY"]

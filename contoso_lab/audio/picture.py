"""What a clip looks like: a waveform as SVG, and a card with a player for notebooks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contoso_lab.audio.codec import FloatArray, to_base64

_WIDTH = 600
_HEIGHT = 64
_BARS = 150


def waveform_svg(samples: FloatArray, rate_hz: int) -> str:
    """Draw sound as a row of bars: pale up to the peak, full up to the mean.

    It is drawn in `currentColor`, the colour of the text around it, so it suits light and dark pages alike. The
    height is the square root of the amplitude: full scale fills the picture, and a quiet voice is still seen.
    """
    peak, mean = _bar_heights(samples)
    middle = _HEIGHT / 2
    step = _WIDTH / _BARS
    label = f"waveform of {spoken_duration(len(samples), rate_hz)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{label}" fill="none" stroke="currentColor" stroke-width="{step * 0.6:g}" '
        'stroke-linecap="round" preserveAspectRatio="none" '
        f'style="display:block;width:100%;height:{_HEIGHT}px"><title>{label}</title>'
        f'<path stroke-width="1" opacity=".25" d="M0 {middle:g}H{_WIDTH}"/>'
        f'<path opacity=".35" d="{_bars(peak, step, middle)}"/>'
        f'<path d="{_bars(mean, step, middle)}"/></svg>'
    )


def clip_html(samples: FloatArray, rate_hz: int, *, level_db: float, wav: bytes | None) -> str:
    """A clip as a card: waveform, player and one line of facts.

    Args:
        samples: what to draw.
        rate_hz: its rate.
        level_db: its loudness.
        wav: what the player plays; `None` shows no player, and how to save the clip.
    """
    if wav is not None:
        player = (
            '<audio controls preload="metadata" style="display:block;width:100%;height:36px;margin-top:4px" '
            f'src="data:audio/wav;base64,{to_base64(wav)}"></audio>'
        )
        more = ""
    elif len(samples):
        player = ""
        more = (
            " · too long for a player in the notebook: <code>clip.save(&quot;clip.wav&quot;)</code> keeps it, "
            "<code>clip[0:60_000]</code> plays its first minute"
        )
    else:
        player, more = "", " · empty"
    facts = f"{spoken_duration(len(samples), rate_hz)} · {rate_hz / 1000:g} kHz · {level_db:.0f} dB"
    return (
        f'<div style="max-width:{_WIDTH}px;padding:4px 0">{waveform_svg(samples, rate_hz)}{player}'
        f'<div style="font-size:.85em;opacity:.75;margin-top:2px">{facts}{more}</div></div>'
    )


def spoken_duration(sample_count: int, rate_hz: int) -> str:
    """A duration as a person writes it.

    >>> spoken_duration(30_000, 24_000), spoken_duration(24_000 * 125, 24_000)
    ('1.25 s', '2 min 5 s')
    """
    seconds = sample_count / rate_hz
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {rest} s" if hours else f"{minutes} min {rest} s"


def _bar_heights(samples: FloatArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The peak and the root mean square of each bar, on the scale of the picture, 0 to 1."""
    count = len(samples)
    if not count:
        return np.zeros(_BARS), np.zeros(_BARS)
    # Every bar holds at least one sample: a clip shorter than the row of bars repeats its samples.
    edges = np.arange(_BARS + 1) * count // _BARS
    peak, mean = np.empty(_BARS), np.empty(_BARS)
    for bar, (start, stop) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        part = np.abs(samples[start : max(stop, start + 1)].astype(np.float64))
        peak[bar] = part.max()
        mean[bar] = np.sqrt(np.mean(part * part))
    return np.sqrt(np.minimum(peak, 1)), np.sqrt(np.minimum(mean, 1))


def _bars(heights: npt.NDArray[np.float64], step: float, middle: float) -> str:
    """The bars as one path; a bar too low to see is left to the middle line."""
    room = middle - step  # the round ends stay inside the picture
    return "".join(
        f"M{(bar + 0.5) * step:g} {middle - room * height:.0f}V{middle + room * height:.0f}"
        for bar, height in enumerate(heights)
        if room * height >= 0.5
    )

"""Formatting of numbers, times and metrics for lists of runs and tables of sweeps."""

import math
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells

_TESTS = ("acc", "r2", "rmse", "psnr", "mae", "f1", "mse")  # metrics of a test, the most informative first


def number(value: float) -> str:
    """A number with at least four digits, without an exponent unless it is tiny or a billion."""
    if 9999.5 <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 10000 else f"{value:.4g}"


def compact(value: float) -> str:
    """A number with about three digits, for the ticks of an axis: 0.25, 118, 24k, 1.18M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def aligned(value: float) -> str:
    """A number with at least four digits in six columns, if it is neither negative nor tiny nor a million."""
    size = abs(value)
    if not math.isfinite(value) or size >= 1e6 or 0 < size < 1e-3:
        return f"{value:.3g}".rjust(6)
    digits = 4 if size < 9.99995 else 3 if size < 99.9995 else 2 if size < 999.995 else 1 if size < 9999.95 else 0
    return f"{value:.{digits}f}".rjust(6)


def count(many: int, what: str) -> str:
    """A count with its noun: `1 job`, `1,000 jobs`."""
    return f"{many:,} {what}" + "s" * (many != 1)


def span(seconds: float) -> str:
    """A duration in its two largest units: 0.4 s, 8.0 s, 2 min 20 s, 1 h 5 min, 3 d."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    return " ".join(part for part in _parts(seconds)[:2] if part[0] != "0")


def clock(seconds: float) -> str:
    """A remaining time as m:ss or h:mm:ss; in days and hours from a day on."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    if whole >= 86400:
        return span(seconds)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def shortened(text: str, longest: int) -> str:
    """Text without its middle, if it is long: the end often matters as much as the start."""
    if cell_len(text) <= longest:
        return text
    if longest < 3:
        return chop_cells(text, max(1, longest))[0]
    half = (longest - 1) // 2
    return chop_cells(text, longest - 1 - half)[0] + "…" + chop_cells(text[::-1], half)[0][::-1]


def first_fitting(forms: Sequence[str], width: int) -> str:
    """First form of a line that is not wider than `width`, or the last one without its middle."""
    found = next((form for form in forms if cell_len(form) <= width), forms[-1])
    return shortened(found.rstrip(), width)


def age(seconds: float) -> str:
    """A duration in its largest unit: 8 s, 2 min, 3 d."""
    return (_parts(seconds) or ["0 s"])[0]


def _parts(seconds: float) -> list[str]:
    """All units of a duration, from its largest one."""
    rest, parts = max(0, round(seconds)), list[str]()
    for unit, size in {"d": 86400, "h": 3600, "min": 60, "s": 1}.items():
        many, rest = divmod(rest, size)
        if many or parts:
            parts.append(f"{many} {unit}")
    return parts


def most_telling(names: Iterable[str]) -> list[str]:
    """The metrics of a test, `test/…`, the most informative first; without the loss."""
    place = {f"test/{name}": number for number, name in enumerate(_TESTS)}
    tests = [name for name in names if name.startswith("test/") and name != "test/loss"]
    return sorted(tests, key=lambda name: (place.get(name, len(place)), name))

"""Formatting of numbers, times and metrics for lists of runs and tables of sweeps."""

from collections.abc import Iterable

from rich.cells import cell_len, chop_cells

_TESTS = ("acc", "r2", "rmse", "psnr", "mae", "f1", "mse")  # metrics of a test, the most informative first


def number(value: float) -> str:
    """A number with four digits."""
    return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 10000 else f"{value:.4g}"


def count(many: int, what: str) -> str:
    """A count with its noun: `1 job`, `1,000 jobs`."""
    return f"{many:,} {what}" + "s" * (many != 1)


def span(seconds: float) -> str:
    """A duration in its two largest units: 0.4 s, 8.0 s, 2 min 20 s, 1 h 5 min, 3 d."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    return " ".join(part for part in _parts(seconds)[:2] if part[0] != "0")


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


def shortened(text: str, longest: int) -> str:
    """Text without its middle, if it is long: the end often matters as much as the start."""
    if cell_len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return chop_cells(text, longest - 1 - half)[0] + "…" + chop_cells(text[::-1], half)[0][::-1]

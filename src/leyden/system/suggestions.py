"""Known names that are similar to a misspelt one."""

import difflib
from collections.abc import Callable, Iterable

from leyden.system.override_text import squeezed

_ALIKE = 0.78  # share of common letters; below it, names such as `fp16` and `bf16` pass for the same
_MOST = 30  # names in a message


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """At most two known names that are similar to a word, the nearest first.

    Dotted names are compared by their last part, so that `data.drop_last` is not near `data.root`.
    """
    known = sorted(known)
    if same := [name for name in known if squeezed(name) == squeezed(word)]:
        return same[:1]
    own = _last(word)
    if metrics := [name for name in known if "/" in name and _is_metric(own, name)]:
        return metrics[:2]
    initials = "".join(part[0] for part in own.split("_") if part)  # learning_rate is lr
    if short := [name for name in known if _last(name) == initials and len(own) > len(initials) > 1]:
        return short[:2]
    by_part = {name: squeezed(_last(name)) for name in known}
    own = squeezed(own)
    swapped = [part for part in dict.fromkeys(by_part.values()) if len(own) > 2 and sorted(part) == sorted(own)]
    alike = swapped or difflib.get_close_matches(own, sorted(set(by_part.values())), n=2, cutoff=_ALIKE)
    alike += sorted((part for part in set(by_part.values()) - set(alike) if _begin_alike(own, part)), key=len)
    return [name for part in alike[:2] for name in known if by_part[name] == part][:2]


def did_you_mean(word: str, known: Iterable[str], write: Callable[[str], str] = str) -> str:
    """`; did you mean x?` for the nearest known names, or a list of all if none is similar.

    Args:
        word: as it was typed.
        known: all names.
        write: the text to type for a name.
    """
    known = sorted(known)
    if near := nearest(word, known):
        return f"; did you mean {' or '.join(map(write, near))}?"
    return there_are(known)


def there_are(known: Iterable[str]) -> str:
    """`; there are: a, b` for all known names, or the first of very many."""
    known = sorted(known)
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    return f"; there are: {', '.join(known[:_MOST])}{more}" if known else ""


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_metric(word: str, name: str) -> bool:
    """True if a word means a metric, as `acc`, `val_acc` and `val/accuracy` mean val/acc."""
    part, _, own = word.replace("_", "/", 1).rpartition("/")
    whole, _, short = name.rpartition("/")
    return part in ("", whole) and (own == short or (len(short) > 2 and own.startswith(short)))


def _begin_alike(word: str, other: str) -> bool:
    """True if most of the shorter of two names begins the longer one, as in `rotate` and `rotation`."""
    shorter, longer = sorted((len(word), len(other)))
    common = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), shorter)
    return common >= 4 and common > 0.8 * shorter and longer - common <= 3

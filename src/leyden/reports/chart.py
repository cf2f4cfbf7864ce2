"""Line chart as inline SVG, whose colours follow the page.

A figure of matplotlib would be ten times as large, white on a dark page, and half a second to import. The texts of this
one are texts: they can be searched and read aloud.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from leyden.reports.html import Html, element, joined

_WIDTH, _HEIGHT = 400, 230
_RIGHT, _TOP, _BOTTOM = 12, 22, 34  # margins; the left one is as wide as its labels
_CHARACTER = 7  # width
_MOST, _ALL = 300, 1200  # points of a line, and of all lines of a chart; more would not be seen
_DOTS = 40  # points up to which each has a mark, with its value as a tooltip
_DECADE = 10  # ratio of the largest to the smallest value above which the axis is logarithmic
COLORS = 8

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
        label: in the key.
        points: x and y, by x; a y that is not finite leaves a gap.
        color: number of the colour.
        dashed: drawn as a dashed line.
    """

    label: str
    points: Sequence[Point]
    color: int = 0
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart of one or more curves.

    Attributes:
        title: what y is.
        lines: curves.
        x: what x is.
        event: x of a vertical line, and its label.
        from_zero: the y axis begins with 0.
        may_be_log: the y axis is logarithmic if the values span more than a decade.
        has_key: false if the page says elsewhere what the colours are.
        period: x from which the background is coloured to the right end, and a label.
    """

    title: str
    lines: Sequence[Line]
    x: str = "epoch"
    event: tuple[float, str] | None = None
    period: tuple[float, str] | None = None
    from_zero: bool = False
    may_be_log: bool = False
    has_key: bool = True

    def figure(self) -> Html:
        """The chart with its title and key, as an HTML element; empty if no curve has two points."""
        shown = [line for line in self.lines if any(math.isfinite(y) for _, y in line.points)]
        if all(len(line.points) < 2 for line in shown):
            return Html("")
        notes = ["logarithmic"] * self._scale(shown).is_log
        broken = [line.label for line in shown if not all(math.isfinite(y) for _, y in line.points)]
        notes += [f"{label}: not finite in places" for label in broken]
        title = joined([self.title, element("span", f" ({'; '.join(notes)})", class_="note") if notes else ""])
        keys = [key(line.label, line.color, line.dashed) for line in shown] if self.has_key else []
        if self.period:
            keys.append(element("span", element("i", class_="area"), self.period[1], class_="key"))
        return element("figure", element("figcaption", element("b", title), *keys), self._svg(shown))

    def _scale(self, lines: Sequence[Line]) -> "_Scale":
        return _Scale.of(_finite(lines), self.from_zero, self.may_be_log)

    def _svg(self, lines: Sequence[Line]) -> Html:
        xs = [x for line in lines for x, _ in line.points]
        scale = self._scale(lines)
        left = 12 + _CHARACTER * max(len(scale.label(tick)) for tick in scale.ticks)
        span = _Span(min(xs), max(xs), left)
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        parts: list[str] = []
        for tick in scale.ticks:
            y = scale.place(tick)
            parts.append(element("line", class_="grid", x1=left, x2=right, y1=_short(y), y2=_short(y)))
            parts.append(element("text", scale.label(tick), x=left - 7, y=_short(y + 4), text_anchor="end"))
        for tick in span.ticks:
            x = span.place(tick)
            parts.append(element("line", class_="axis", x1=_short(x), x2=_short(x), y1=bottom, y2=bottom + 4))
            parts.append(element("text", f"{tick:,.0f}", x=_short(x), y=bottom + 16, text_anchor="middle"))
        parts.append(element("line", class_="axis", x1=left, x2=right, y1=bottom, y2=bottom))
        parts.append(element("text", self.x, x=(left + right) / 2, y=_HEIGHT - 3, text_anchor="middle"))
        parts += self._events(span, bottom)
        for line in lines:
            parts += _curve(line, scale, span, self.x, min(_MOST, max(60, _ALL // len(lines))))
        names = ", ".join(line.label for line in lines)
        about = f"{self.title} by {self.x}: {names}"
        return element("svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=about)

    def _events(self, span: "_Span", bottom: int) -> list[Html]:
        parts = []
        if self.period:
            x = span.place(self.period[0])
            width = max(0.0, _WIDTH - _RIGHT - x)
            size = {"width": _short(width), "height": str(bottom - _TOP)}
            parts.append(element("rect", class_="period", x=_short(x), y=_TOP, **size))
        if self.event:
            x = span.place(self.event[0])
            parts.append(element("line", class_="event", x1=_short(x), x2=_short(x), y1=_TOP, y2=bottom))
            side = "end" if x > _WIDTH / 2 else "start"
            at = x - 4 if side == "end" else x + 4
            parts.append(element("text", self.event[1], x=_short(at), y=_TOP - 8, text_anchor=side))
        return parts


def key(label: str, color: int, dashed: bool = False) -> Html:
    """A name, after the line that it names in charts."""
    return element("span", element("i", class_=_style(Line("", [], color, dashed))), label, class_="key")


def _finite(lines: Iterable[Line]) -> list[float]:
    return [y for line in lines for _, y in line.points if math.isfinite(y)]


def _curve(line: Line, scale: "_Scale", span: "_Span", x_name: str, most: int) -> list[Html]:
    points = thinned(line.points, most)
    parts, path, is_down = [], [], False
    for x, y in points:
        if math.isfinite(y):
            path.append(f"{'L' if is_down else 'M'}{_short(span.place(x))} {_short(scale.place(y))}")
        is_down = math.isfinite(y)
    parts.append(element("path", class_=f"curve {_style(line)}", d="".join(path)))
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    for x, y in finite if len(line.points) <= min(_DOTS, most) else finite[:1] * (len(finite) == 1):
        text = f"{line.label}, {x_name} {x:.6g}: {y:.6g}"
        at = {"cx": _short(span.place(x)), "cy": _short(scale.place(y))}
        parts.append(element("circle", element("title", text), class_=f"dot c{line.color % COLORS}", r=2.3, **at))
    return parts


def _style(line: Line) -> str:
    return f"c{line.color % COLORS}" + " dashed" * line.dashed


def thinned(points: Sequence[Point], most: int = _MOST) -> list[Point]:
    """About so many points: of each interval the lowest and the highest one, so that no peak is lost."""
    if len(points) <= most:
        return list(points)
    size, found = math.ceil(len(points) / (most / 2)), []
    for begin in range(0, len(points), size):
        part = points[begin : begin + size]
        broken = [point for point in part if not math.isfinite(point[1])]
        whole = [point for point in part if math.isfinite(point[1])] or part
        found += sorted({min(whole, key=lambda p: p[1]), max(whole, key=lambda p: p[1]), *broken[:1]})
    return found


@dataclass(frozen=True)
class _Scale:
    """The y axis: limits, and marks with labels."""

    low: float
    high: float
    ticks: list[float]
    is_log: bool

    @classmethod
    def of(cls, values: Sequence[float], from_zero: bool, may_be_log: bool) -> "_Scale":
        low, high = min(0.0, *values) if from_zero else min(values), max(values)
        if may_be_log and low > 0 and high / low > _DECADE:
            powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            factors = (1, 2, 5) if len(powers) <= 3 else (1,)
            ticks = [factor * 10.0**power for power in powers for factor in factors]
            inside = [tick for tick in ticks if low / 1.1 <= tick <= high * 1.1]
            inside = inside[:: 1 + len(inside) // 8]
            return cls(min([low, *inside[:1]]), max([high, *inside[-1:]]), inside, True)
        if low == high:
            return cls(low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1, [low], False)
        ticks = nice_ticks(low, high, 5)
        return cls(min(low, ticks[0]), max(high, ticks[-1]), ticks, False)

    def place(self, y: float) -> float:
        low, high, value = (math.log(v) if self.is_log else v for v in (self.low, self.high, y))
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)

    def label(self, tick: float) -> str:
        if self.is_log or len(self.ticks) < 2 or not 1e-3 < max(map(abs, self.ticks)) < 1e5:
            return f"{tick:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
        step = min(after - before for before, after in pairwise(self.ticks))
        return f"{tick:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


@dataclass(frozen=True)
class _Span:
    """The x axis, of whole numbers, from the left margin on."""

    low: float
    high: float
    left: int

    @property
    def ticks(self) -> list[float]:
        found = nice_ticks(self.low, self.high, 6) if self.high > self.low else [self.low]
        return [tick for tick in found if tick == round(tick) and self.low <= tick <= self.high]

    def place(self, x: float) -> float:
        if self.high == self.low:
            return (self.left + _WIDTH - _RIGHT) / 2
        return self.left + 8 + (x - self.low) / (self.high - self.low) * (_WIDTH - _RIGHT - self.left - 16)


def nice_ticks(low: float, high: float, about: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten that cover an interval from outside, about so many."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

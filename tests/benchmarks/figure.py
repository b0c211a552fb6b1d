"""What a benchmark says: a value, what it is compared with, and how far runs differ."""

import statistics
from collections.abc import Callable, Sequence

from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """One measured value: the median of its runs, and their spread.

    `baseline` was measured in the same run, in the same unit unless `against` names
    another; `ratio` is the value over it.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    against: str = ""  # what the baseline is
    low: float
    high: float
    runs: int
    conditions: str = ""


type Report = Callable[[Figure], None]


class Baseline(Struct, frozen=True):
    """What a value is compared with."""

    against: str
    values: Sequence[float]


def figure(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    baseline: Baseline | None = None,
    conditions: str = "",
) -> Figure:
    """Return the figure that the values of some runs make."""
    value = statistics.median(values)
    base = statistics.median(baseline.values) if baseline else None
    return Figure(
        name=name,
        value=rounded(value),
        unit=unit,
        baseline=None if base is None else rounded(base),
        ratio=rounded(value / base) if base else None,
        against=baseline.against if baseline else "",
        low=rounded(min(values)),
        high=rounded(max(values)),
        runs=len(values),
        conditions=conditions,
    )


def rounded(value: float) -> float:
    """Return a value with four digits that count.

    >>> rounded(1234.56), rounded(0.00123456), rounded(0)
    (1235.0, 0.001235, 0.0)
    """
    return float(f"{value:.4g}")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent do not exceed.

    >>> percentile([3, 1, 2, 4], 50), percentile([1, 2, 3, 4], 99)
    (2, 4)
    """
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


HEADS = ("figure", "value", "unit", "low … high", "runs", "baseline", "ratio")


def table(figures: Sequence[Figure]) -> str:
    """Return figures as aligned lines, each with its conditions below."""
    rows = [HEADS, *(_cells(one) for one in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [_line(rows[0], widths), _line(["-" * width for width in widths], widths)]
    shown = ""
    for one, row in zip(figures, rows[1:], strict=True):
        lines.append(_line(row, widths))
        if one.conditions not in {"", shown}:
            shown = one.conditions
            lines.append(f"    {shown}")
    return "\n".join(lines)


def _cells(one: Figure) -> tuple[str, ...]:
    spread = f"{_text(one.low)} … {_text(one.high)}" if one.runs > 1 else ""
    baseline = "" if one.baseline is None else f"{_text(one.baseline)} {one.against}"
    ratio = "" if one.ratio is None else f"{one.ratio:.3g}"
    value = _text(one.value)
    return one.name, value, one.unit, spread, str(one.runs), baseline, ratio


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"

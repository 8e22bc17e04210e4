"""Numbers as people read them, the same in the terminal and on the page."""

from __future__ import annotations

from dikast.agreement.estimate import Estimate, Figure


def percent(share: float) -> str:
    """A share as a percentage with one decimal; no rounding up to a whole or down to nothing.

    >>> percent(0.823), percent(1.0), percent(0.99999), percent(0.0001)
    ('82.3 %', '100 %', '>99.9 %', '<0.1 %')
    """
    if share in (0.0, 1.0):
        return f"{share * 100:.0f} %"
    if share > 0.9995:
        return ">99.9 %"
    return "<0.1 %" if share < 0.0005 else f"{share * 100:.1f} %"


def whole_percent(share: float) -> str:
    """A share as a whole percentage, where there is room for no more.

    >>> whole_percent(0.114), whole_percent(0.001), whole_percent(0.0)
    ('11 %', '<1 %', '0 %')
    """
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def number(value: float) -> str:
    """A score or mean with up to three decimals."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:.4g}"


def decimal(value: float) -> str:
    """A mean or a coefficient with two decimals, three where it is small.

    >>> decimal(4.0712), decimal(-0.0312)
    ('4.07', '-0.031')
    """
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"


def interval(figure: Figure, *, as_percent: bool) -> str:
    """A figure's interval in words, or why there is none.

    >>> interval(Estimate(0.8, 0.76, 0.84, 300, "Wilson"), as_percent=True)
    '95 % interval 76.0 to 84.0 %'
    """
    if not isinstance(figure, Estimate):
        return figure.reason
    if as_percent:
        return f"{figure.level * 100:.0f} % interval {figure.low * 100:.1f} to {figure.high * 100:.1f} %"
    return f"{figure.level * 100:.0f} % interval {decimal(figure.low)} to {decimal(figure.high)}"


def value_of(figure: Figure, *, as_percent: bool) -> str:
    """A figure's value, or a dash where it is undefined.

    >>> value_of(Estimate(0.8, 0.76, 0.84, 300, "Wilson"), as_percent=True)
    '80.0 %'
    """
    if not isinstance(figure, Estimate):
        return "–"
    return percent(figure.value) if as_percent else decimal(figure.value)


def bounds(figure: Figure, *, as_percent: bool) -> str:
    """An interval for a table's cell: "76 to 84 %", or a dash."""
    if not isinstance(figure, Estimate):
        return "–"
    if as_percent:
        return f"{figure.low * 100:.0f} to {figure.high * 100:.0f} %"
    return f"{decimal(figure.low)} to {decimal(figure.high)}"


def seconds(value: float) -> str:
    """A duration in the unit that suits it.

    >>> seconds(0.0123), seconds(4.5), seconds(272), seconds(8000)
    ('12 ms', '4.5 s', '4 min 32 s', '2 h 13 min')
    """
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(value: int, singular: str, plural: str | None = None) -> str:
    """A number and its noun.

    >>> count(1, "fail"), count(1200, "fail")
    ('1 fail', '1,200 fails')
    """
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"

"""What the benchmarks claim, line by line, and whether anything was missed; needs no Django."""

_missed: list[str] = []


def claim(
    *, name: str, value: float, unit: str = "", at_least: float | None = None, at_most: float | None = None
) -> str:
    """A line that tells the figure, its bound and whether it holds; what does not is remembered for `status`."""
    holds = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    bounds = [f"{sign} {bound:g}" for sign, bound in (("≥", at_least), ("≤", at_most)) if bound is not None]
    shown = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    line = f"{name}: {shown}{unit and ' ' + unit} (target {' and '.join(bounds)}) {'met' if holds else 'MISSED'}"
    if not holds:
        _missed.append(line)
    return line


def status() -> int:
    """What the program ends with: 1 when something was missed."""
    return 1 if _missed else 0

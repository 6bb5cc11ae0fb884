"""Sharing a bill out: whole minor units that sum to the bill. Pure: no database, no float.

Everyone gets the exact share rounded down. What is left over is fewer units than people, and goes one unit each to
whoever is furthest behind what all bills together gave exactly; on a tie to whoever paid, then in the order given.
So nobody is ever more than one unit away from the exact total, however many bills are shared.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from core.texts import gettext as _
from finance import money
from finance.errors import Invalid

# The household whose book it is, among ids of people.
ME = 0
# Shares may have four decimals: 1.5 shares, 33.3333 percent.
WEIGHT_SCALE = 10_000
MOST_WEIGHT = 1_000_000


def shared_out(
    *, total: int, weights: Mapping[int, int], payer: int, behind: Mapping[int, Fraction] | None = None
) -> dict[int, int]:
    """Share `total` (minor units, > 0) by `weights` (party → weight ≥ 0, in the order given; not all zero).

    `behind` says how far each party is behind its exact total of earlier bills (negative: ahead).
    """
    whole = sum(weights.values())
    given = {party: total * weight // whole for party, weight in weights.items()}
    left = total - sum(given.values())
    lags = {
        party: (behind or {}).get(party, Fraction(0)) + Fraction(total * weight, whole) - given[party]
        for party, weight in weights.items()
        if weight
    }
    order = {party: place for place, party in enumerate(weights)}
    for party in sorted(lags, key=lambda each: (-lags[each], each != payer, order[each]))[:left]:
        given[party] += 1
    return given


def given_back(
    *,
    amount: int,
    weights: Mapping[int, int],
    left: Mapping[int, int],
    behind: Mapping[int, Fraction] | None = None,
) -> dict[int, int]:
    """Share a refund of `amount` (0 < amount ≤ all that is `left`) by the bill's weights; nobody gets more than is left.

    Leftover units go one each to the person charged most above the exact total (`behind` as in shared_out).
    """
    whole = sum(weights.values())
    given = {party: min(amount * weight // whole, left[party]) for party, weight in weights.items()}
    lags = {
        party: (behind or {}).get(party, Fraction(0)) - Fraction(amount * weight, whole) + given[party]
        for party, weight in weights.items()
    }
    order, rest = sorted(weights, key=lambda each: lags[each]), amount - sum(given.values())
    while rest:
        for party in order:
            if rest and given[party] < left[party]:
                given[party] += 1
                rest -= 1
    return given


def weight_of(value: Decimal, *, field: str) -> int:
    """A share or percentage as a whole number of ten-thousandths. Raises Invalid, which names `field`."""
    scaled = value * WEIGHT_SCALE
    if not value.is_finite() or value < 0 or value > MOST_WEIGHT or scaled != scaled.to_integral_value():
        reason = _("A share is from 0 to %(most)s and has at most four decimals.") % {"most": f"{MOST_WEIGHT:,}"}
        raise Invalid(field=field, reason=reason)
    return int(scaled)


def check_exact(*, total: int, amounts: Mapping[int, int], currency: str) -> None:
    """Raise Invalid where exact amounts do not sum to the bill; it says by how much, and what the last would have to be."""
    said = sum(amounts.values())
    if said == total:
        return

    def text(amount: int) -> str:
        return money.format_amount(amount, currency=currency)

    told = {"off": text(abs(said - total)), "said": text(said), "total": text(total)}
    reason = _("%(off)s over: %(said)s of %(total)s.") if said > total else _("%(off)s missing: %(said)s of %(total)s.")
    last = list(amounts.values())[-1] - (said - total)
    offer = " " + _("With %(last)s for the last one it fits.") % {"last": text(last)} if last >= 0 else ""
    raise Invalid(field="shares", reason=reason % told + offer)

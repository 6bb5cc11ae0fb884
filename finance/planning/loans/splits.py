"""How one payment of a loan falls into principal, interest and fee, and whose share of them is whose. No database."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from core.texts import gettext as _
from finance.errors import Invalid
from finance.money import MAX_MINOR_UNITS, divided


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Parts of a payment in minor units: `principal` + `interest` + `fee` = `amount`.

    Of a shared loan that one person pays, `my_interest` and `my_fee` are that person's; the rest of the payment is
    `claim`, what the other owes for it, of which `contribution` is the other's part of the principal. So
    principal + my_interest + my_fee + claim = amount + contribution.
    """

    amount: int
    principal: int
    interest: int
    fee: int
    my_interest: int
    my_fee: int
    claim: int
    contribution: int


def split(*, amount: int, interest: int, fee: int, share: Decimal | None = None) -> Split:
    """Split `amount`: interest and fee first, the rest is principal. `share` is the payer's part in per cent.

    Shares are rounded half away from zero; the other has the rest, so that nothing is lost. Raises Invalid (amount) for
    a payment that does not cover interest and fee.
    """
    if not 0 < amount <= MAX_MINOR_UNITS:
        raise Invalid(field="amount", reason=_("A payment is more than zero."))
    principal = amount - interest - fee
    if principal < 0:
        raise Invalid(field="amount", reason=_("The payment does not cover the interest and the fee."))
    mine, my_interest, my_fee = (_part(each, share) for each in (amount, interest, fee))
    claim = amount - mine
    contribution = claim - (interest - my_interest) - (fee - my_fee)
    if contribution < 0:
        # Rounding alone, where nothing but interest is paid: what the other owes is its interest then.
        my_interest, contribution = my_interest - contribution, 0
    return Split(
        amount=amount, principal=principal, interest=interest, fee=fee, my_interest=my_interest, my_fee=my_fee,
        claim=claim, contribution=contribution,
    )  # fmt: skip


def _part(amount: int, share: Decimal | None) -> int:
    if share is None:
        return amount
    exact = amount * Fraction(share) / 100
    return divided(exact.numerator, exact.denominator)

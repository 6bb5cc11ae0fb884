"""What a bank takes for a transfer, without a database. All amounts are minor units of the account's currency."""

from dataclasses import dataclass

from finance.money import divided

# One per cent in parts per million, which is how a percentage is stored.
PER_CENT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRule:
    """A fixed fee up to a bound (for any amount without one), and above it a part of the amount within limits.

    `share` is in parts per million of the amount: 10,000 is 1 %. None: there is no such part of the rule.
    """

    fixed: int | None = None
    fixed_up_to: int | None = None
    share: int | None = None
    minimum: int | None = None
    maximum: int | None = None

    def fee(self, amount: int) -> int:
        """The fee for sending `amount`, which is above zero; halves of a minor unit are rounded up."""
        if self.fixed is not None and (self.fixed_up_to is None or amount <= self.fixed_up_to):
            return self.fixed
        if self.share is None:
            return 0
        fee = divided(amount * self.share, 100 * PER_CENT)
        if self.minimum is not None:
            fee = max(fee, self.minimum)
        return fee if self.maximum is None else min(fee, self.maximum)

"""Which cards the overview can show, and in which order a person has them. Without a database."""

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from finance.errors import Invalid

# In the usual order. "report-7" is the saved report number 7.
CARDS = ("worth", "look", "holdings", "ahead", "spending", "income")
REPORT = "report-"
MOST_CARDS = 20


def usual_cards() -> list[str]:
    """What a person sees who has chosen nothing."""
    return list(CARDS)


def known_cards(chosen: Iterable[str], *, reports: Iterable[int]) -> list[str]:
    """Those of the chosen cards that still exist."""
    existing = {*CARDS, *(f"{REPORT}{number}" for number in reports)}
    return [card for card in chosen if card in existing]


def checked_cards(chosen: Sequence[str], *, reports: Iterable[int]) -> list[str]:
    """The cards, if each exists and is named once. Raises Invalid (cards)."""
    unknown = sorted(set(chosen) - set(known_cards(chosen, reports=reports)))
    if unknown:
        raise Invalid(field="cards", reason=_("There is no card “%(name)s”.") % {"name": unknown[0][:40]})
    if len(set(chosen)) != len(chosen):
        raise Invalid(field="cards", reason=_("A card is named twice."))
    if len(chosen) > MOST_CARDS:
        raise Invalid(field="cards", reason=_("An overview has at most %(most)d cards.") % {"most": MOST_CARDS})
    return list(chosen)


def moved(cards: Sequence[str], card: str, *, up: bool) -> list[str]:
    """The cards with one of them a place further up or down; as they are where it is at that end."""
    order = list(cards)
    if card in order:
        place = order.index(card)
        other = place - 1 if up else place + 1
        if 0 <= other < len(order):
            order[place], order[other] = order[other], order[place]
    return order

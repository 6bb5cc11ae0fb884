"""The members of a book, and the page behind an invitation's link."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from finance.errors import FinanceError, Forbidden, NotFound
from finance.ledger.selectors import accounts_of, role_of
from finance.ledger.services import (
    accept_invitation,
    change_role,
    invite_member,
    leave_book,
    remove_member,
    revoke_invitation,
    set_seen_accounts,
)
from finance.ledger.services.members import (
    FreshInvitation,
    check_addressee,
    invitation_path,
    mailed_link_is_genuine,
    may_invite,
    open_invitation,
)
from finance.ledger.visibility import HOLDINGS
from finance.models import Account, AccountKind, Book, Invitation, MemberAccount, Membership, Role
from finance.web.access import book_page, id_in, user_of
from finance.web.refusals import refuse
from identity import mail, signup
from identity.views import may_cause_mail

ROLE_CHOICES = [
    (Role.EDITOR.value, gettext_lazy("Editor: sees and changes everything")),
    (Role.VIEWER.value, gettext_lazy("Viewer: sees everything, changes nothing")),
    (Role.OWNER.value, gettext_lazy("Owner: also manages members")),
]


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLE_CHOICES)
    accounts = forms.MultipleChoiceField(
        label=gettext_lazy("Accounts they see"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Tick none to show all accounts. Owners always see all."),
    )

    def __init__(self, *args: Any, accounts: list[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["accounts"].choices = [(str(one.pk), one.name) for one in accounts]  # type: ignore[attr-defined]


def _own_accounts(book: Book) -> list[Account]:
    """The accounts that can be shown or hidden one by one."""
    return [one for one in accounts_of(book=book) if one.type in HOLDINGS and one.kind != AccountKind.GROUP]


@never_cache
@require_http_methods(["GET"])
@book_page(partly=True)
def members(request: HttpRequest, book: Book) -> HttpResponse:
    return _members_page(request, book)


@never_cache
@require_POST
@book_page(at_least=Role.OWNER)
def invite(request: HttpRequest, book: Book) -> HttpResponse:
    """Answers with the page itself, not a redirect: the link is shown once and kept nowhere."""
    form = InviteForm(request.POST, accounts=_own_accounts(book))
    if not form.is_valid():
        return _members_page(request, book, form=form, status=400)
    if not may_invite(book=book):
        form.add_error(None, _("Too many invitations today. Please continue tomorrow."))
        return _members_page(request, book, form=form, status=429)
    try:
        fresh = invite_member(
            book=book,
            actor=user_of(request),
            email=form.cleaned_data["email"],
            role=Role(form.cleaned_data["role"]),
            now=timezone.now(),
            base_url=mail.base_url(request),
            account_ids=[int(each) for each in form.cleaned_data["accounts"]] or None,
        )
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        refuse(form, error)
        return _members_page(request, book, form=form, status=409)
    return _members_page(request, book, fresh=fresh)


def _members_page(
    request: HttpRequest,
    book: Book,
    *,
    form: InviteForm | None = None,
    fresh: FreshInvitation | None = None,
    status: int = 200,
) -> HttpResponse:
    people = Membership.objects.filter(book=book).select_related("user").order_by("created_at", "pk")
    everybody = list(people.prefetch_related(Prefetch("seen", MemberAccount.objects.filter(book=book))))
    mine = next((one for one in everybody if one.user_id == user_of(request).pk), None)
    if mine is None:  # removed since the page's door was passed
        raise NotFound(thing="book")
    is_owner = mine.role == Role.OWNER
    accounts = _own_accounts(book)
    names = {one.pk: one.name for one in accounts}
    for one in everybody:
        # Owners know what each sees, and everybody what they see themselves.
        ids = [each.account_id for each in one.seen.all()] if is_owner or one.pk == mine.pk else []
        one.seen_ids = set(ids)  # type: ignore[attr-defined]
        one.seen_names = ", ".join(names[each] for each in ids if each in names)  # type: ignore[attr-defined]
    waiting = Invitation.objects.filter(book=book, accepted_at=None).order_by("created_at") if is_owner else []
    owners = sum(one.role == Role.OWNER for one in everybody)
    context = {
        "book": book,
        "members": everybody,
        "mine": mine,
        "is_owner": is_owner,
        "is_last_owner": is_owner and owners == 1,
        "invitations": waiting,
        "now": timezone.now(),
        "roles": Role.choices,
        "accounts": accounts,
        "form": form or InviteForm(accounts=accounts),
        "fresh": fresh,
        "mail_goes": mail.destination(),
    }
    return render(request, "web/members.html", context, status=status)


@require_POST
@book_page(at_least=Role.OWNER)
def member_role(request: HttpRequest, book: Book, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(Membership.objects.select_related("user"), book=book, pk=membership_id)
    wanted = request.POST.get("role", "")
    if wanted not in Role.values:
        messages.error(request, _("There is no such role."))
        return redirect("web:members", book.pk)
    try:
        change_role(membership=membership, actor=user_of(request), role=Role(wanted))
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("The role of %(who)s was changed.") % {"who": membership.user.get_full_name()})
    return redirect("web:members", book.pk)


@require_POST
@book_page(at_least=Role.OWNER)
def member_accounts(request: HttpRequest, book: Book, membership_id: int) -> HttpResponse:
    """Let a member see the accounts that are ticked, or all."""
    membership = get_object_or_404(Membership.objects.select_related("user"), book=book, pk=membership_id)
    try:
        chosen = [id_in(each, thing="account") for each in request.POST.getlist("account")]
        wanted = None if request.POST.get("sees") == "all" else chosen
        set_seen_accounts(membership=membership, actor=user_of(request), account_ids=wanted)
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        said = _("%(who)s sees all accounts.") if wanted is None else _("%(who)s sees the accounts that you chose.")
        messages.success(request, said % {"who": membership.user.get_full_name()})
    return redirect("web:members", book.pk)


@require_POST
@book_page(at_least=Role.OWNER)
def member_remove(request: HttpRequest, book: Book, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(Membership.objects.select_related("user"), book=book, pk=membership_id)
    who = membership.user.get_full_name()
    try:
        remove_member(membership=membership, actor=user_of(request))
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("%(who)s is no longer a member.") % {"who": who})
    return redirect("web:members", book.pk) if membership.user_id != user_of(request).pk else redirect("web:home")


@require_POST
@book_page(partly=True)
def member_leave(request: HttpRequest, book: Book) -> HttpResponse:
    try:
        leave_book(book=book, user=user_of(request))
    except FinanceError as error:
        messages.error(request, error.detail)
        return redirect("web:members", book.pk)
    messages.success(request, _("You left “%(book)s”.") % {"book": book.name})
    return redirect("web:home")


@require_POST
@book_page(at_least=Role.OWNER)
def invitation_revoke(request: HttpRequest, book: Book, invitation_id: int) -> HttpResponse:
    invitation = get_object_or_404(Invitation.objects.select_related("book"), book=book, pk=invitation_id)
    revoke_invitation(invitation=invitation, actor=user_of(request))
    messages.success(request, _("The invitation of %(who)s no longer works.") % {"who": invitation.email})
    return redirect("web:members", book.pk)


@never_cache
@require_GET
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What the invited person sees. Reading changes nothing: mail programs open links on their own."""
    try:
        found = open_invitation(token=token, now=timezone.now())
    except NotFound:
        return render(request, "web/invitation_gone.html", status=404)
    context: dict[str, object] = {"invitation": found, "token": token}
    if not request.user.is_authenticated:
        if mailed_link_is_genuine(token=token, proof=request.GET.get("proof", "")):
            context["signup_path"] = signup.signup_path(
                email=found.email, invited=True, next_path=invitation_path(token)
            )
        return render(request, "web/invitation.html", context)
    if role_of(user=user_of(request), book=found.book) is not None:
        messages.info(request, _("You are already a member of this book."))
        return redirect("web:overview", found.book_id)
    try:
        check_addressee(invitation=found, user=user_of(request))
    except Forbidden as error:
        context["refusal"] = error.detail
    return render(request, "web/invitation.html", context)


@require_POST
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect("web:invitation", token)
    try:
        membership = accept_invitation(token=token, user=user_of(request), now=timezone.now())
    except FinanceError:
        # The page says why: gone, for somebody else, or a member already.
        return redirect("web:invitation", token)
    messages.success(request, _("Welcome to “%(book)s”.") % {"book": membership.book.name})
    return redirect("web:overview", membership.book_id)


@require_POST
def invitation_account(request: HttpRequest, token: str) -> HttpResponse:
    """For the holder of a copied link without an account: mail the invited address a link that makes one."""
    try:
        found = open_invitation(token=token, now=timezone.now())
    except NotFound:
        return redirect("web:invitation", token)
    if may_cause_mail(request):
        signup.request_signup(
            email=found.email, base_url=mail.base_url(request), invited=True, next_path=invitation_path(token)
        )
    return redirect("signup_sent")

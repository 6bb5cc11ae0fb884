"""Members of a book, invitations to it, and accepting one."""

from typing import Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.serializers import StrictSerializer
from finance.api.base import ApiView, BookAccess, BookView
from finance.api.fields import BIGGEST_ID
from finance.errors import Forbidden
from finance.ledger import services
from finance.ledger.access_models import MemberAccount
from finance.ledger.models import Invitation, Membership, Role
from finance.ledger.services.members import may_invite
from identity import mail
from identity.api.idempotency import once_per_key
from identity.api.throttles import AuthThrottle

MOST_ACCOUNTS = 1000

MEMBER = OpenApiExample(
    "An editor",
    response_only=True,
    value={
        "id": 12,
        "user_id": 5,
        "name": "Ben Berg",
        "email": "ben@example.org",
        "role": "editor",
        "sees_all_accounts": False,
        "accounts": [41, 43],
        "created_at": "2026-01-02T09:30:00Z",
    },
)
ACCOUNTS_HELP = "Ids of the asset and liability accounts that the member sees, at least one; null: all. Owners see all."


class MemberSerializer(serializers.ModelSerializer[Membership]):
    name = serializers.CharField(source="user.name", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    sees_all_accounts = serializers.BooleanField(source="sees_all", read_only=True)
    accounts = serializers.SerializerMethodField(
        allow_null=True,
        help_text="Ids of the accounts that the member sees; null: all, or that is not yours to know (owners and the "
        "member know it).",
    )

    class Meta:
        model = Membership
        fields = ("id", "user_id", "name", "email", "role", "sees_all_accounts", "accounts", "created_at")

    def get_accounts(self, membership: Membership) -> list[int] | None:
        view: MemberView = self.context["view"]
        if membership.sees_all or not (membership.user_id == view.user.pk or view.is_owner):
            return None
        return sorted(each.account_id for each in membership.seen.all())


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    accounts = serializers.ListField(
        source="account_ids", child=serializers.IntegerField(), read_only=True, allow_null=True, help_text=ACCOUNTS_HELP
    )

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "accounts", "created_at", "expires_at")


class AccountsField(serializers.ListField):
    """The accounts that a member is to see."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
        super().__init__(child=child, allow_null=True, max_length=MOST_ACCOUNTS, help_text=ACCOUNTS_HELP, **kwargs)


class FreshInvitationSerializer(InvitationSerializer):
    link = serializers.URLField(
        allow_null=True,
        help_text="The link in the mail, in case the mail gets lost. Answered only once: null in a replayed answer.",
    )

    class Meta(InvitationSerializer.Meta):
        fields = (*InvitationSerializer.Meta.fields, "link")  # type: ignore[assignment]


class NewInvitation(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices)
    accounts = AccountsField(default=None)


class MemberChange(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    accounts = AccountsField(required=False)


class Acceptance(StrictSerializer):
    token = serializers.CharField(max_length=200, help_text="The part of the link after /invitations/.")


class Joined(serializers.Serializer[Any]):
    book_id = serializers.IntegerField()
    role = serializers.ChoiceField(choices=Role.choices)


class MemberView(BookView):
    """What the views of members share."""

    @cached_property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER

    def members(self) -> QuerySet[Membership]:
        seen = Prefetch("seen", MemberAccount.objects.filter(book=self.book))
        return Membership.objects.filter(book=self.book).select_related("user", "book").prefetch_related(seen)


@extend_schema_view(get=extend_schema(operation_id="members_list", summary="Members of a book", examples=[MEMBER]))
@extend_schema(tags=["members"])
class MemberList(MemberView, generics.ListAPIView[Membership]):
    """Who can see and change the book; for every member."""

    partly = frozenset({"GET"})
    serializer_class = MemberSerializer
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        return self.members()


@extend_schema_view(
    patch=extend_schema(
        operation_id="members_change_role",
        summary="Change a member's role, or which accounts they see",
        description="For owners. What is left out stays. The last owner must stay an owner, and owners see all accounts. "
        "A member who sees some accounts gets these, the categories of their entries, and figures of them; everything "
        "about the whole book is refused with the code `partly_hidden`.",
        request=MemberChange,
        responses=MemberSerializer,
        examples=[
            MEMBER,
            OpenApiExample("Two accounts only", request_only=True, value={"role": "viewer", "accounts": [41, 43]}),
            OpenApiExample("All accounts", request_only=True, value={"accounts": None}),
        ],
    ),
    delete=extend_schema(
        operation_id="members_remove",
        summary="Remove a member, or leave",
        description="Owners can remove anybody; everybody can remove themselves. The last owner must stay.",
        responses={204: None},
    ),
)
@extend_schema(tags=["members"])
class MemberDetail(MemberView):
    """One member of the book."""

    # Leaving is for everybody; the services ask for an owner where one is needed.
    write_role = Role.VIEWER
    serializer_class = MemberSerializer
    bodies = {"PATCH": MemberChange}
    partly = frozenset({"DELETE"})  # leaving

    @once_per_key()
    def patch(self, request: Request, book_id: int, membership_id: int) -> tuple[int, Any]:
        self._check_owner()
        asked, membership = self.body(), self._membership()
        with transaction.atomic():
            if "role" in asked:
                membership = services.change_role(membership=membership, actor=self.user, role=Role(asked["role"]))
            if "accounts" in asked:
                membership = services.set_seen_accounts(
                    membership=membership, actor=self.user, account_ids=asked["accounts"]
                )
        return status.HTTP_200_OK, MemberSerializer(self._membership(), context={"view": self}).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, membership_id: int) -> tuple[int, Any]:
        own = Membership.objects.filter(book=self.book, pk=self.kwargs["membership_id"], user=self.user).exists()
        if own:
            services.leave_book(book=self.book, user=self.user)
        else:
            self._check_owner()
            services.remove_member(membership=self._membership(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None

    def _check_owner(self) -> None:
        if not self.is_owner:
            raise Forbidden()

    def _membership(self) -> Membership:
        return get_object_or_404(self.members(), pk=self.kwargs["membership_id"])


class OwnersOnly(BasePermission):
    """Behind BookAccess: who is invited is the owners' business, also for reading."""

    message = Forbidden().detail

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(view, BookView) and view.role == Role.OWNER


class InvitationView(BookView):
    """Base of the views of invitations."""

    permission_classes = [IsAuthenticated, BookAccess, OwnersOnly]


@extend_schema_view(
    get=extend_schema(operation_id="invitations_list", summary="Open invitations", description="For owners."),
    post=extend_schema(
        operation_id="invitations_create",
        summary="Invite somebody by e-mail",
        description="For owners. An earlier open invitation of the same address stops working.",
        request=NewInvitation,
        responses={201: FreshInvitationSerializer},
    ),
)
@extend_schema(tags=["members"])
class InvitationList(InvitationView, generics.ListAPIView[Invitation]):
    """Invitations that nobody accepted yet."""

    serializer_class = InvitationSerializer
    bodies = {"POST": NewInvitation}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Invitation]:
        if getattr(self, "swagger_fake_view", False):
            return Invitation.objects.none()
        return Invitation.objects.filter(book=self.book, accepted_at=None)

    @once_per_key(secrets=["link"])
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        if not may_invite(book=self.book):
            raise Throttled(wait=24 * 3600)
        fresh = services.invite_member(
            book=self.book,
            actor=self.user,
            email=given["email"],
            role=Role(given["role"]),
            now=timezone.now(),
            base_url=mail.base_url(self.request._request),
            account_ids=given["accounts"],
        )
        return status.HTTP_201_CREATED, {**InvitationSerializer(fresh.invitation).data, "link": fresh.link}


@extend_schema_view(
    delete=extend_schema(
        operation_id="invitations_revoke",
        summary="Revoke an invitation",
        description="For owners. Its link stops working.",
        responses={204: None},
    )
)
@extend_schema(tags=["members"])
class InvitationDetail(InvitationView):
    """One open invitation."""

    serializer_class = InvitationSerializer

    @once_per_key()
    def delete(self, request: Request, book_id: int, invitation_id: int) -> tuple[int, Any]:
        invitations = Invitation.objects.select_related("book")
        invitation = get_object_or_404(invitations, book=self.book, pk=self.kwargs["invitation_id"])
        services.revoke_invitation(invitation=invitation, actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="invitations_accept",
        summary="Accept an invitation",
        description="For the signed-in user whose address was invited.",
        request=Acceptance,
        responses={201: Joined},
    )
)
@extend_schema(tags=["members"])
class InvitationAccept(ApiView):
    """Makes the signed-in user a member of the book that they were invited to."""

    permission_classes = [IsAuthenticated]
    throttle_classes = [AuthThrottle]
    serializer_class = Joined
    bodies = {"POST": Acceptance}

    @once_per_key()
    def post(self, request: Request) -> tuple[int, Any]:
        membership = services.accept_invitation(token=self.body()["token"], user=self.user, now=timezone.now())
        return status.HTTP_201_CREATED, {"book_id": membership.book_id, "role": membership.role}

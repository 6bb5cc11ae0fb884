"""Members of a book, invitations to it, and accepting one."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.serializers import StrictSerializer
from finance.api.base import ApiView, BookAccess, BookView
from finance.errors import Forbidden
from finance.ledger import services
from finance.ledger.models import Invitation, Membership, Role
from finance.ledger.selectors import role_of
from finance.ledger.services.members import may_invite
from identity import mail
from identity.api.idempotency import once_per_key
from identity.api.throttles import AuthThrottle

MEMBER = OpenApiExample(
    "An editor",
    response_only=True,
    value={
        "id": 12,
        "user_id": 5,
        "name": "Ben Berg",
        "email": "ben@example.org",
        "role": "editor",
        "created_at": "2026-01-02T09:30:00Z",
    },
)


class MemberSerializer(serializers.ModelSerializer[Membership]):
    name = serializers.CharField(source="user.name", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "user_id", "name", "email", "role", "created_at")


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "created_at", "expires_at")


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


class RoleChange(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices)


class Acceptance(StrictSerializer):
    token = serializers.CharField(max_length=200, help_text="The part of the link after /invitations/.")


class Joined(serializers.Serializer[Any]):
    book_id = serializers.IntegerField()
    role = serializers.ChoiceField(choices=Role.choices)


@extend_schema_view(get=extend_schema(operation_id="members_list", summary="Members of a book", examples=[MEMBER]))
@extend_schema(tags=["members"])
class MemberList(BookView, generics.ListAPIView[Membership]):
    """Who can see and change the book; for every member."""

    serializer_class = MemberSerializer
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        return Membership.objects.filter(book=self.book).select_related("user")


@extend_schema_view(
    patch=extend_schema(
        operation_id="members_change_role",
        summary="Change a member's role",
        description="For owners. The last owner must stay an owner.",
        request=RoleChange,
        responses=MemberSerializer,
        examples=[MEMBER],
    ),
    delete=extend_schema(
        operation_id="members_remove",
        summary="Remove a member, or leave",
        description="Owners can remove anybody; everybody can remove themselves. The last owner must stay.",
        responses={204: None},
    ),
)
@extend_schema(tags=["members"])
class MemberDetail(BookView):
    """One member of the book."""

    # Leaving is for everybody; the services ask for an owner where one is needed.
    write_role = Role.VIEWER
    serializer_class = MemberSerializer
    bodies = {"PATCH": RoleChange}

    @once_per_key()
    def patch(self, request: Request, book_id: int, membership_id: int) -> tuple[int, Any]:
        self._check_owner()
        membership = services.change_role(
            membership=self._membership(), actor=self.user, role=Role(self.body()["role"])
        )
        return status.HTTP_200_OK, MemberSerializer(membership).data

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
        if role_of(user=self.user, book=self.book) != Role.OWNER:
            raise Forbidden()

    def _membership(self) -> Membership:
        members = Membership.objects.select_related("user", "book")
        return get_object_or_404(members, book=self.book, pk=self.kwargs["membership_id"])


class OwnersOnly(BasePermission):
    """Behind BookAccess: who is invited is the owners' business, also for reading."""

    message = Forbidden().detail

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(view, BookView) and role_of(user=view.user, book=view.book) == Role.OWNER


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

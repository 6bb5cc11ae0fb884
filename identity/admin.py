"""The operators' view of people: accounts, lock-outs, the sign-up switch, and the audit trail (read only)."""

from importlib import import_module
from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from identity import lockout, operators
from identity.models import AccessPolicy, AuditRecord, User, check_email
from platform_outbox.admin.base import ReadOnly


class NewUserForm(UserCreationForm):  # type: ignore[misc]  # unfold is untyped
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return check_email(str(self.cleaned_data["email"]))


class ChangedUserForm(UserChangeForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = "__all__"

    def clean_email(self) -> str:
        return check_email(str(self.cleaned_data["email"]))


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Accounts. They are deactivated, never deleted: books keep saying who entered what, and no book loses its owner."""

    form = ChangedUserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    add_form_template = None
    list_display = ("email", "name", "shown_state", "is_staff", "last_login", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser")
    list_fullwidth = True
    search_fields = ("email", "name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    actions = ("unlock", "deactivate", "activate")
    fieldsets = (
        (None, {"fields": ("email", "password", "name")}),
        (gettext_lazy("Preferences"), {"fields": ("language", "time_zone")}),
        (gettext_lazy("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)

    @display(description=gettext_lazy("state"), label={"active": "success", "locked": "warning", "inactive": "danger"})  # type: ignore[untyped-decorator]
    def shown_state(self, user: User) -> tuple[str, str]:
        if not user.is_active:
            return "inactive", _("inactive")
        if user.email in self._locked:
            return "locked", _("locked out")
        return "active", _("active")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        self._locked = lockout.locked_accounts()
        users: QuerySet[User] = super().get_queryset(request)
        return users

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:  # type: ignore[type-arg]
        """People who may only look get a form without fields; unfold's expects the password among them."""
        if obj is not None and not self.has_change_permission(request, obj):
            kwargs["form"] = ModelForm
        form: type[ModelForm] = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[type-arg]
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only superusers grant rights; otherwise everybody who may edit users could make themselves one.

        A new e-mail address takes an account over as a new password does: the next reset link goes there.
        """
        fields = tuple(super().get_readonly_fields(request, obj))
        if request.user.is_superuser:
            return fields
        given = () if obj is None or _may_take_over(request) else ("email",)
        return (*fields, "is_staff", "is_superuser", "groups", "user_permissions", *given)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody can edit an account with more rights than their own."""
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or operators.manageable(operator=_operator(request)).filter(pk=obj.pk).exists()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        operators.save_user(operator=_operator(request), user=obj, changed=form.changed_data, new=not change)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        if not _may_take_over(request):
            raise PermissionDenied
        before = User.objects.filter(pk=id).values_list("password", flat=True).first() if id.isdecimal() else None
        response: HttpResponse = super().user_change_password(request, id, form_url)
        user = User.objects.filter(pk=id).first() if id.isdecimal() else None
        if user is not None and user.password != before:
            operators.note(operator=_operator(request), deed="set a new password", target=user.email)
        return response

    @action(description=gettext_lazy("Lift the lock-out of the selected users"), permissions=["change"])  # type: ignore[untyped-decorator]
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        operator = _operator(request)
        chosen = operators.manageable(operator=operator).filter(pk__in=queryset.values("pk"))
        count = sum(bool(lockout.unlock(actor=operator, email=user.email)) for user in chosen)
        _tell_lifted(request, count)

    @action(description=gettext_lazy("Deactivate the selected users (signs them out)"), permissions=["change"])  # type: ignore[untyped-decorator]
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._set_active(request, queryset, active=False)

    @action(description=gettext_lazy("Activate the selected users"), permissions=["change"])  # type: ignore[untyped-decorator]
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._set_active(request, queryset, active=True)

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    def _set_active(self, request: HttpRequest, queryset: QuerySet[User], *, active: bool) -> None:
        operator = _operator(request)
        chosen = operators.manageable(operator=operator).filter(pk__in=queryset.values("pk"))
        count = operators.set_active(operator=operator, users=chosen, active=active)
        said = ngettext("%(count)d account changed.", "%(count)d accounts changed.", count) % {"count": count}
        messages.success(request, said)


admin.site.unregister(Group)
# Nothing in these lists helps an operator; "sign out everywhere" and deactivating do.
import_module("rest_framework_simplejwt.token_blacklist.admin")
admin.site.unregister(OutstandingToken)
admin.site.unregister(BlacklistedToken)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Sets of rights for operators who are no superusers. Only superusers grant rights, to groups too."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("at", "action", "shown_actor", "target", "address", "device")
    list_filter = ("action", "at")
    list_fullwidth = True
    search_fields = ("actor_email", "target", "address")
    search_help_text = gettext_lazy("An e-mail address, a target, or a network address")
    ordering = ("-id",)
    show_full_result_count = False
    fields = ("at", "action", "shown_actor", "actor_id", "target", "facts", "address", "user_agent")

    @display(description=gettext_lazy("who"))  # type: ignore[untyped-decorator]
    def shown_actor(self, record: AuditRecord) -> str:
        """The address that the account had then."""
        return record.actor_email or "–"


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    """Failures that still count towards a lock-out. Lifting one forgets them."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "path_info", "user_agent")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = list_display
    actions = ("forget",)

    @action(description=gettext_lazy("Forget the failures of these accounts"), permissions=["forget"])  # type: ignore[untyped-decorator]
    def forget(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        operator = _operator(request)
        names = {attempt.username for attempt in queryset if attempt.username}
        above = User.objects.exclude(pk__in=operators.manageable(operator=operator).values("pk"))
        names -= set(above.filter(email__in=names).values_list("email", flat=True))
        for name in sorted(names):
            lockout.unlock(actor=operator, email=name)
        _tell_lifted(request, len(names))

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("identity.change_user")


def _tell_lifted(request: HttpRequest, count: int) -> None:
    if count:
        said = ngettext("%(count)d lock-out lifted.", "%(count)d lock-outs lifted.", count) % {"count": count}
        messages.success(request, said)
    else:
        messages.info(request, _("None of these accounts was locked out."))


@admin.register(AccessPolicy)
class AccessPolicyAdmin(ModelAdmin):  # type: ignore[misc]
    fields = ("signup_open",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is only one policy: go straight to its form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        policy = operators.access_policy()
        return redirect(reverse("admin:identity_accesspolicy_change", args=[policy.pk]))

    def save_model(self, request: HttpRequest, obj: AccessPolicy, form: Any, change: bool) -> None:
        operators.set_signup_open(operator=_operator(request), is_open=obj.signup_open)


def _may_take_over(request: HttpRequest) -> bool:
    return request.user.has_perm("identity.take_over_user")


def _operator(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

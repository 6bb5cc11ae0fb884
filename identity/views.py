"""Pages of signing in, signing up, passwords and the profile. Each calls one service."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash, views
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.network import counted_address
from core.redirects import safe_next
from identity import audit, mail, passwords, profile, sessions, signup
from identity.allowance import allow
from identity.forms import (
    AddressForm,
    ChangePasswordForm,
    ChooseNewPasswordForm,
    NewAccountForm,
    ProfileForm,
    SignInForm,
)
from identity.models import User

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
MAIL_REQUESTS_PER_HOUR = 20


class SignInView(views.LoginView):
    template_name = "identity/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(signup_open=signup.signup_is_open(), **kwargs)


class SignOutView(views.LogoutView):
    """By POST only: a link or an image of another page must not sign anybody out.

    The browser forgets what it keeps on the device, so that the next person at it finds nothing.
    """

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


def user_of(request: HttpRequest) -> User:
    """The signed-in user of a view that requires one."""
    assert isinstance(request.user, User)
    return request.user


@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    if not signup.signup_is_open():
        return render(request, "identity/signup_closed.html", status=403)
    return _ask_for_address(request, template="identity/signup.html", done="signup_sent")


@never_cache
@require_http_methods(["GET", "POST"])
def reset_password(request: HttpRequest) -> HttpResponse:
    return _ask_for_address(request, template="identity/password_reset.html", done="password_reset_done")


def _ask_for_address(request: HttpRequest, *, template: str, done: str) -> HttpResponse:
    form = AddressForm(request.POST or None)
    if not form.is_valid():
        return render(request, template, {"form": form, "next": safe_next(request)})
    if not may_cause_mail(request):
        form.add_error(None, _("Too many requests from your network. Please try again in an hour."))
        response = render(request, template, {"form": form, "next": safe_next(request)}, status=429)
        response["Retry-After"] = "3600"
        return response
    email, base = form.cleaned_data["email"], mail.base_url(request)
    if done == "signup_sent":
        signup.request_signup(email=email, base_url=base, next_path=safe_next(request))
    else:
        passwords.request_password_reset(email=email, base_url=base)
    return redirect(done)


def may_cause_mail(request: HttpRequest) -> bool:
    """Whether this network may have one more mail sent within the hour."""
    whose = counted_address(request) or "-"
    return allow(what="mail-request", whose=whose, limit=MAIL_REQUESTS_PER_HOUR, seconds=3600)


@require_GET
def sign_up_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "identity/signup_sent.html", {"mail_goes": mail.destination()})


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def complete_sign_up(request: HttpRequest, token: str) -> HttpResponse:
    try:
        link = signup.read_signup_link(token=token)
        form = NewAccountForm(request.POST or None, email=link.email)
        if not form.is_valid():
            context = {"form": form, "email": link.email, "next": safe_next(request)}
            return render(request, "identity/signup_complete.html", context)
        user = signup.complete_signup(token=token, **form.cleaned_data)
    except signup.AccountExists as error:
        messages.info(request, str(error))
        path = reverse("login")
        wanted = safe_next(request)
        return redirect(f"{path}?{urlencode({'next': wanted})}" if wanted else path)
    except signup.SignupError as error:
        return render(request, "identity/link_invalid.html", {"reason": str(error)}, status=400)
    login(request, user, backend=MODEL_BACKEND)
    return redirect(safe_next(request) or "/")


class ResetDoneView(views.PasswordResetDoneView):
    template_name = "identity/password_reset_done.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(mail_goes=mail.destination(), **kwargs)


class ResetConfirmView(views.PasswordResetConfirmView):
    """The page of the mailed link. Django moves the link's secret into the session before showing the form."""

    template_name = "identity/password_reset_confirm.html"
    form_class = ChooseNewPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        assert self.user is not None  # the link named one, else there is no form
        passwords.set_password(
            user=self.user,
            password=form.cleaned_data["new_password1"],
            base_url=mail.base_url(self.request),
            forgotten=True,
        )
        self.request.session.pop(views.INTERNAL_RESET_SESSION_TOKEN, None)
        messages.success(self.request, _("Your new password is set. Please sign in with it."))
        return redirect("login")


@method_decorator(login_required, name="dispatch")
class ChangePasswordView(views.PasswordChangeView):
    template_name = "identity/password_change.html"
    form_class = ChangePasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: Any) -> HttpResponse:
        user = user_of(self.request)
        passwords.set_password(
            user=user,
            password=form.cleaned_data["new_password1"],
            base_url=mail.base_url(self.request),
            forgotten=False,
        )
        update_session_auth_hash(self.request, user)
        messages.success(self.request, _("Your password was changed. All your other devices are signed out."))
        return redirect("profile")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def edit_profile(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    present = {field: getattr(user, field) for field in profile.EDITABLE}
    form = ProfileForm(request.POST or None, initial=present)
    if form.is_valid():
        profile.change_profile(user=user, changes=form.cleaned_data)
        messages.success(request, _("Your profile is saved."))
        return redirect("profile")
    context = {"form": form, "sign_ins": audit.recent_sign_ins(user=user)}
    return render(request, "identity/profile.html", context)


@login_required
@require_POST
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    sessions.sign_out_elsewhere(request=request, user=user_of(request))
    messages.success(request, _("All your other devices are signed out."))
    return redirect("profile")

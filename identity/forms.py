from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from identity.models import User, check_email
from identity.time_zones import known_time_zones

# One sentence for what settings.AUTH_PASSWORD_VALIDATORS ask; each of them says its own when it refuses.
PASSWORD_HINT = _("At least 10 characters; no common password, not only digits, nothing like your name.")


def password_field(*, label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    """A password's field, never trimmed: a space may be part of it. A script adds the switch that shows it."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete, "data-reveal": ""})
    return forms.CharField(label=label, strip=False, max_length=4096, widget=widget, help_text=help_text)


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("Wrong e-mail address or password."),
        "inactive": _("Wrong e-mail address or password."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"] = forms.CharField(
            label=_("E-mail address"),
            max_length=254,
            widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
        )
        self.fields["password"] = password_field(label=_("Password"), autocomplete="current-password")


class AddressForm(forms.Form):
    """One e-mail address, to which a link will be sent."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True, "spellcheck": "false"}),
    )

    def clean_email(self) -> str:
        return check_email(str(self.cleaned_data["email"]))


class NewAccountForm(forms.Form):
    """What a new person chooses after following the mailed link."""

    name = forms.CharField(
        label=_("Your name"), max_length=150, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = password_field(label=_("Password"), autocomplete="new-password", help_text=PASSWORD_HINT)
    # Filled by a script; without scripts people choose it in their profile.
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-time-zone": ""}))

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        self.email = email
        super().__init__(*args, **kwargs)

    def clean_time_zone(self) -> str:
        given = str(self.cleaned_data["time_zone"])
        return given if given in known_time_zones() else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if password := cleaned.get("password"):
            try:
                validate_password(password, User(email=self.email, name=cleaned.get("name") or ""))
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


class ChooseNewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget.attrs["data-reveal"] = ""
        self.fields["new_password1"].help_text = PASSWORD_HINT
        self.fields["new_password2"].label = _("New password again")
        self.fields["new_password2"].help_text = ""


class ChangePasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        for field in self.fields.values():
            field.widget.attrs["data-reveal"] = ""
        self.fields["old_password"].label = _("Current password")
        self.fields["new_password1"].help_text = PASSWORD_HINT
        self.fields["new_password2"].label = _("New password again")
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        """Checked as at signing in: a wrong one is counted, recorded and in the end locked out.

        Otherwise a session left open, or stolen, could be used to try passwords for ever.
        """
        given = str(self.cleaned_data["old_password"])
        if authenticate(self.request, username=self.user.email, password=given) is None:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return given


class ProfileForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=150, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    language = forms.ChoiceField(
        label=_("Language"), required=False, help_text=_("Also decides how dates and figures are written.")
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language, time_zone = self.fields["language"], self.fields["time_zone"]
        assert isinstance(language, forms.ChoiceField)
        assert isinstance(time_zone, forms.ChoiceField)
        language.choices = [("", _("As in your browser")), *settings.LANGUAGES]
        time_zone.choices = [("", "UTC"), *((name, name.replace("_", " ")) for name in known_time_zones()[1:])]

from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from core.api.serializers import StrictSerializer
from identity.models import User, check_email


class CredentialsSerializer(StrictSerializer):
    email = serializers.CharField(max_length=254, write_only=True)
    # Not trimmed: a space may be part of a password.
    password = serializers.CharField(
        max_length=4096, trim_whitespace=False, write_only=True, style={"input_type": "password"}
    )
    cookie = serializers.BooleanField(
        default=False,
        write_only=True,
        help_text="Put the refresh token into an HttpOnly cookie instead of the answer (for browsers).",
    )


class RefreshSerializer(StrictSerializer):
    refresh = serializers.CharField(
        required=False, write_only=True, help_text="Left out: the refresh token is taken from the cookie."
    )


class TokenSerializer(StrictSerializer):
    token = serializers.CharField(write_only=True)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField(required=False, help_text="Absent if the refresh token went into a cookie.")


class SignupSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254)

    def validate_email(self, value: str) -> str:
        try:
            return check_email(value)
        except DjangoValidationError as error:
            raise serializers.ValidationError(list(error.messages)) from error


class SignupConfirmSerializer(StrictSerializer):
    token = serializers.CharField(write_only=True)
    name = serializers.CharField(max_length=150, allow_blank=True, default="")
    password = serializers.CharField(
        max_length=4096, trim_whitespace=False, write_only=True, style={"input_type": "password"}
    )

    def validate_password(self, value: str) -> str:
        try:
            validate_password(value)
        except DjangoValidationError as error:
            raise serializers.ValidationError(list(error.messages), code="password_weak") from error
        return value


class MeSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    language = serializers.ChoiceField(
        choices=settings.LANGUAGES, allow_blank=True, required=False, help_text="Blank: as the client requests."
    )

    class Meta:
        model = User
        fields = ["id", "email", "name", "language", "time_zone", "is_staff", "date_joined"]
        read_only_fields = ["id", "email", "is_staff", "date_joined"]

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from core.api.parsers import ShortJSONParser
from identity import mail, profile, signup, tokens
from identity.api import cookie
from identity.api.errors import translated
from identity.api.idempotency import OncePerKey, once_per_key
from identity.api.serializers import (
    CredentialsSerializer,
    MeSerializer,
    RefreshSerializer,
    SignupConfirmSerializer,
    SignupSerializer,
    TokenPairSerializer,
    TokenSerializer,
)
from identity.api.throttles import AuthThrottle, MailThrottle
from identity.models import User


class OpenView(APIView):
    """For people who are not signed in yet; credentials in the request are ignored."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (AuthThrottle,)
    parser_classes = (ShortJSONParser,)

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'

    def read(self, serializer: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """The request's validated content."""
        given = serializer(data=self.request.data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


class TokenObtainView(OpenView):
    @extend_schema(
        tags=["auth"],
        request=CredentialsSerializer,
        responses={
            200: TokenPairSerializer,
            401: OpenApiResponse(description="Wrong e-mail address or password."),
            429: OpenApiResponse(description="Locked out, or too many requests; see Retry-After."),
        },
    )
    def post(self, request: Request) -> Response:
        """Sign in: an e-mail address and a password for an access and a refresh token."""
        given = self.read(CredentialsSerializer)
        with translated():
            pair = tokens.obtain(request=request._request, email=given["email"], password=given["password"])
        return _answer(pair, in_cookie=given["cookie"])


class TokenRefreshView(OpenView):
    @extend_schema(tags=["auth"], request=RefreshSerializer, responses={200: TokenPairSerializer})
    def post(self, request: Request) -> Response:
        """Spend a refresh token for a new pair. Each refresh token can be used once."""
        given = self.read(RefreshSerializer)
        in_cookie = "refresh" not in given
        with translated():
            pair = tokens.rotate(refresh=cookie.read(request) if in_cookie else given["refresh"], now=timezone.now())
        return _answer(pair, in_cookie=in_cookie)


class TokenVerifyView(OpenView):
    @extend_schema(tags=["auth"], request=TokenSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Tell whether an access or refresh token could be used now: 204 or 401."""
        with translated():
            tokens.verify(token=self.read(TokenSerializer)["token"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenBlacklistView(OpenView):
    @extend_schema(tags=["auth"], request=RefreshSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out: the refresh token cannot be used any more."""
        given = self.read(RefreshSerializer)
        with translated():
            tokens.revoke(refresh=given.get("refresh") or cookie.read(request))
        response = Response(status=status.HTTP_204_NO_CONTENT)
        cookie.take_away(response)
        return response


class SignupView(OpenView):
    throttle_classes = (MailThrottle,)

    @extend_schema(
        tags=["auth"],
        request=SignupSerializer,
        responses={202: None, 403: OpenApiResponse(description="Sign-up is closed.")},
    )
    def post(self, request: Request) -> Response:
        """Ask for a link by e-mail that creates an account. The answer is the same for known addresses."""
        given = self.read(SignupSerializer)
        with translated():
            signup.request_signup(email=given["email"], base_url=mail.base_url(request._request))
        return Response(status=status.HTTP_202_ACCEPTED)


class SignupConfirmView(OpenView):
    @extend_schema(tags=["auth"], request=SignupConfirmSerializer, responses={201: MeSerializer})
    def post(self, request: Request) -> Response:
        """Create the account with the token from the mailed link, a name and a password."""
        given = self.read(SignupConfirmSerializer)
        with translated():
            try:
                user = signup.complete_signup(**given)
            except DjangoValidationError as error:
                raise ValidationError({"password": list(error.messages)}) from error
        return Response(MeSerializer(user).data, status=status.HTTP_201_CREATED)


@extend_schema(tags=["auth"])
class MeView(OncePerKey, RetrieveUpdateAPIView[User]):
    """The signed-in user and their preferences."""

    serializer_class = MeSerializer
    permission_classes = (IsAuthenticated,)
    http_method_names = ["get", "patch", "head", "options"]

    def get_object(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    @once_per_key()
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> tuple[int, Any]:
        given = self.get_serializer(self.get_object(), data=self.request.data, partial=True)
        given.is_valid(raise_exception=True)
        user = profile.change_profile(user=self.get_object(), changes=given.validated_data)
        return status.HTTP_200_OK, MeSerializer(user).data


def _answer(pair: tokens.TokenPair, *, in_cookie: bool) -> Response:
    body = {"access": pair.access} if in_cookie else {"access": pair.access, "refresh": pair.refresh}
    response = Response(body, headers={"Cache-Control": "no-store"})
    if in_cookie:
        cookie.put(response, refresh=pair.refresh)
    return response

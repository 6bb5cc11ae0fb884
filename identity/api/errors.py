from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    ErrorDetail,
    PermissionDenied,
    Throttled,
)

from identity import signup, tokens


class LinkRefused(APIException):
    status_code = status.HTTP_400_BAD_REQUEST


class Taken(APIException):
    status_code = status.HTTP_409_CONFLICT


@contextmanager
def translated() -> Iterator[None]:
    """Turn what identity's services raise into DRF's exceptions, whose shape the project decides."""
    try:
        yield
    except (tokens.SignInRefused, tokens.TokenRefused) as error:
        raise AuthenticationFailed(str(error), code=error.code) from error
    except tokens.LockedOut as error:
        refused = Throttled(wait=error.seconds)
        refused.detail = ErrorDetail(str(error), code=error.code)
        raise refused from error
    except signup.SignupClosed as error:
        raise PermissionDenied(str(error), code=error.code) from error
    except signup.LinkInvalid as error:
        raise LinkRefused(str(error), code=error.code) from error
    except signup.AccountExists as error:
        raise Taken(str(error), code=error.code) from error

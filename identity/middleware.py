import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from identity.time_zones import known_time_zones


class PreferencesMiddleware:
    """Shows pages in the signed-in user's language and moments in their time zone.

    Who chose neither gets what the browser asks for, and UTC. Requests without a session cost no query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user if SESSION_KEY in request.session else None
        if user is None or not user.is_authenticated:
            return self.get_response(request)
        if user.language in dict(settings.LANGUAGES):
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language
        chosen = zoneinfo.ZoneInfo(user.time_zone) if user.time_zone in known_time_zones() else None
        with timezone.override(chosen):
            return self.get_response(request)

"""The same with a page that has a fault, to prove that the bench notices one."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from fuzz_app.settings import *  # noqa: F403

ROOT_URLCONF = "fuzz_app.planted"


def planted_fault(request: HttpRequest) -> HttpResponse:
    return HttpResponse(1 / len(request.GET))


urlpatterns = [path("planted/", planted_fault, name="planted"), path("", include("lifeos_project.urls"))]
handler400 = "lifeos_project.drf.bad_request"
handler403 = "lifeos_project.drf.permission_denied"
handler404 = "lifeos_project.drf.page_not_found"
handler500 = "lifeos_project.drf.server_error"

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def planted_fault(request: HttpRequest) -> HttpResponse:
    return HttpResponse(1 / 0)


# At many addresses, so that a small run meets it.
urlpatterns = [
    *(path(f"planted/{number}/", planted_fault) for number in range(20)),
    path("", include("lifeos_project.urls")),
]

handler400 = "lifeos_project.drf.bad_request"
handler403 = "lifeos_project.drf.permission_denied"
handler404 = "lifeos_project.drf.page_not_found"
handler500 = "lifeos_project.drf.server_error"

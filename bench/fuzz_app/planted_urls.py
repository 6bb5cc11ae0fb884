from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def planted_fault(request: HttpRequest) -> HttpResponse:
    return HttpResponse(1 / 0)


# At many addresses, so that a small run meets it.
urlpatterns = [
    *(path(f"planted/{number}/", planted_fault) for number in range(60)),
    path("", include("lifeos_project.urls")),
]

handler400 = "lifeos_project.api.errors.bad_request"
handler403 = "lifeos_project.api.errors.permission_denied"
handler404 = "lifeos_project.api.errors.page_not_found"
handler500 = "lifeos_project.api.errors.server_error"

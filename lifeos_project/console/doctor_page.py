"""The doctor as a page of the admin."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from identity.models import User
from lifeos_project import doctor
from lifeos_project.console import menu


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Opening it checks the machine; buttons also check the certificate, ask other servers or send a mail."""
    if not request.user.has_perm(menu.DOCTOR):
        raise PermissionDenied
    wanted = request.POST.get("look", "") if request.method == "POST" else ""
    results = doctor.examine(
        doctor.Asked(
            outside=wanted == "outside",
            releases=wanted == "releases",
            # A test mail goes only to the person who asks for it.
            mail_to=request.user.email if wanted == "mail" and isinstance(request.user, User) else "",
            request=request,
        )
    )
    context = {
        **admin.site.each_context(request),
        "title": _("Doctor"),
        "results": results,
        "state": doctor.worst(results),
    }
    return TemplateResponse(request, "doctor/page.html", context)

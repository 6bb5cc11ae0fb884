from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from lifeos_project.api.documentation import RedocPage, SwaggerPage
from lifeos_project.console import doctor_page
from lifeos_project.monitoring import health, metrics

# Before the addresses of what it registers are asked for (console/apps.py).
admin.autodiscover()

urlpatterns = [
    path("health", health.health, name="health"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/", include("identity.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/doctor/", admin.site.admin_view(doctor_page.page), name="doctor"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("lifeos_project.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SwaggerPage.as_view(url_name="api-schema"), name="api-docs"),
    path("api/redoc/", RedocPage.as_view(url_name="api-schema"), name="api-redoc"),
    path("", include("finance.web.urls")),
    path("", include("insights.web.urls")),
]

handler400 = "lifeos_project.api.errors.bad_request"
handler403 = "lifeos_project.api.errors.permission_denied"
handler404 = "lifeos_project.api.errors.page_not_found"
handler500 = "lifeos_project.api.errors.server_error"

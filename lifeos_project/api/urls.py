"""/api/v1/: every app brings its own routes; two apps never share a first path segment below a book."""

from django.urls import include, path

urlpatterns = [
    path("", include("identity.api.urls")),
    path("", include("finance.api.urls")),
    path("", include("insights.api.urls")),
]

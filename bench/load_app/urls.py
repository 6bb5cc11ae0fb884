from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Bare(APIView):
    """Signed in by token and answers at once."""

    def get(self, request: Request) -> Response:
        return Response({"ok": True})


urlpatterns = [path("bare/", Bare.as_view()), path("", include("lifeos_project.urls"))]

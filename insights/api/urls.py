from django.urls import include, path
from rest_framework.routers import SimpleRouter

from insights.api.views import InsightViewSet

router = SimpleRouter()
router.register("", InsightViewSet, basename="insight")

urlpatterns = [path("books/<int:book_id>/insights/", include(router.urls))]

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from insights.api.rules import RuleDetail, RuleList
from insights.api.views import InsightViewSet

router = SimpleRouter()
router.register("", InsightViewSet, basename="insight")

urlpatterns = [
    path("books/<int:book_id>/insights/rules/", RuleList.as_view(), name="api-insight-rules"),
    path("books/<int:book_id>/insights/rules/<slug:kind>/", RuleDetail.as_view(), name="api-insight-rule"),
    path("books/<int:book_id>/insights/", include(router.urls)),
]

from django.urls import path

from insights.web import rules, views

app_name = "insights"

urlpatterns = [
    path("b/<int:book_id>/insights/", views.feed, name="feed"),
    path("b/<int:book_id>/insights/rules/", rules.rules, name="rules"),
    path("b/<int:book_id>/insights/<int:insight_id>/", views.detail, name="detail"),
    path("b/<int:book_id>/insights/muted/<int:muted_id>/unmute/", views.unmute, name="unmute"),
    *(
        path(
            f"b/<int:book_id>/insights/<int:insight_id>/{action}/",
            views.act,
            {"action": action},
            name=action,
        )
        for action in ("dismiss", "reopen", "snooze", "wake", "mute")
    ),
]

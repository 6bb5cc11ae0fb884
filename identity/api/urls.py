from django.urls import path

from identity.api import views

urlpatterns = [
    path("auth/token/", views.TokenObtainView.as_view(), name="token-obtain"),
    path("auth/token/refresh/", views.TokenRefreshView.as_view(), name="token-refresh"),
    path("auth/token/verify/", views.TokenVerifyView.as_view(), name="token-verify"),
    path("auth/token/blacklist/", views.TokenBlacklistView.as_view(), name="token-blacklist"),
    path("auth/me/", views.MeView.as_view(), name="me"),
    path("auth/signup/", views.SignupView.as_view(), name="api-signup"),
    path("auth/signup/confirm/", views.SignupConfirmView.as_view(), name="api-signup-confirm"),
]

from django.urls import path

from identity import views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="login"),
    path("sign-out/", views.SignOutView.as_view(), name="logout"),
    path("sign-up/", views.sign_up, name="signup"),
    path("sign-up/sent/", views.sign_up_sent, name="signup_sent"),
    path("sign-up/<str:token>/", views.complete_sign_up, name="signup_complete"),
    path("password/forgotten/", views.reset_password, name="password_reset"),
    path("password/forgotten/sent/", views.ResetDoneView.as_view(), name="password_reset_done"),
    path(
        "password/forgotten/<str:uidb64>/<str:token>/",
        views.ResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("password/change/", views.ChangePasswordView.as_view(), name="password_change"),
    path("profile/", views.edit_profile, name="profile"),
    path("profile/sign-out-elsewhere/", views.sign_out_elsewhere, name="sign_out_elsewhere"),
]

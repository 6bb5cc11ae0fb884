from django.urls import path

from finance.web import books, members, overview

app_name = "web"

urlpatterns = [
    path("", books.home, name="home"),
    path("theme/", books.theme, name="theme"),
    path("books/new/", books.book_new, name="book_new"),
    path("b/<int:book_id>/", overview.overview, name="overview"),
    path("b/<int:book_id>/members/", members.members, name="members"),
    path("b/<int:book_id>/members/invite/", members.invite, name="member_invite"),
    path("b/<int:book_id>/members/leave/", members.member_leave, name="member_leave"),
    path("b/<int:book_id>/members/<int:membership_id>/role/", members.member_role, name="member_role"),
    path("b/<int:book_id>/members/<int:membership_id>/remove/", members.member_remove, name="member_remove"),
    path(
        "b/<int:book_id>/invitations/<int:invitation_id>/revoke/",
        members.invitation_revoke,
        name="invitation_revoke",
    ),
    path("invitations/<str:token>/", members.invitation, name="invitation"),
    path("invitations/<str:token>/accept/", members.invitation_accept, name="invitation_accept"),
    path("invitations/<str:token>/account/", members.invitation_account, name="invitation_account"),
]

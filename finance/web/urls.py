from django.urls import include, path

from finance.web import accounts, books, entries, members, overview, registers, search, settings

app_name = "web"

book_pages = [
    path("", overview.overview, name="overview"),
    path("proof/", overview.proof, name="proof"),
    path("search/", search.search, name="search"),
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/new/", accounts.account_new, name="account_new"),
    path("accounts/<int:account_id>/", registers.register, name="register"),
    path("accounts/<int:account_id>/edit/", accounts.account_edit, name="account_edit"),
    path("accounts/<int:account_id>/rename/", accounts.account_rename, name="account_rename"),
    path("accounts/<int:account_id>/move/", accounts.account_move, name="account_move"),
    path("accounts/<int:account_id>/close/", accounts.account_close, name="account_close"),
    path("entries/new/", entries.entry_new, name="entry_new"),
    path("entries/<uuid:uid>/", entries.entry, name="entry"),
    path("entries/<uuid:uid>/fold/", entries.entry_fold, name="entry_fold"),
    path("entries/<uuid:uid>/edit/", entries.entry_edit, name="entry_edit"),
    path("entries/<uuid:uid>/reverse/", entries.entry_reverse, name="entry_reverse"),
    path("payees/", entries.payees, name="payees"),
    path("members/", members.members, name="members"),
    path("members/invite/", members.invite, name="member_invite"),
    path("members/leave/", members.member_leave, name="member_leave"),
    path("members/<int:membership_id>/role/", members.member_role, name="member_role"),
    path("members/<int:membership_id>/remove/", members.member_remove, name="member_remove"),
    path("invitations/<int:invitation_id>/revoke/", members.invitation_revoke, name="invitation_revoke"),
    path("settings/", settings.settings, name="settings"),
    path("settings/rename/", settings.book_rename, name="settings_rename"),
    path("settings/close/", settings.period_close, name="settings_close"),
    path("settings/reopen/", settings.period_reopen, name="settings_reopen"),
]

urlpatterns = [
    path("", books.home, name="home"),
    path("theme/", books.theme, name="theme"),
    path("books/new/", books.book_new, name="book_new"),
    path("b/<int:book_id>/", include(book_pages)),
    path("invitations/<str:token>/", members.invitation, name="invitation"),
    path("invitations/<str:token>/accept/", members.invitation_accept, name="invitation_accept"),
    path("invitations/<str:token>/account/", members.invitation_account, name="invitation_account"),
]

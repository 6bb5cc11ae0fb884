"""Routes below /api/v1/."""

from django.urls import path

from finance.api import (
    accounts,
    balances,
    books,
    entries,
    imports,
    members,
    registers,
    reports,
    rules,
    rules_past,
    tags,
    webhook_deliveries,
    webhooks,
)

BOOK = "books/<int:book_id>/"
ACCOUNT = f"{BOOK}accounts/<int:account_id>/"
ENTRY = f"{BOOK}entries/<uuid:uid>/"
IMPORT = f"{BOOK}imports/<int:import_id>/"
TAG = f"{BOOK}tags/<int:tag_id>/"
RULE = f"{BOOK}rules/<int:rule_id>/"
GROUP = f"{BOOK}rule-groups/<int:group_id>/"
APPLICATION = f"{BOOK}rule-applications/<int:application_id>/"
WEBHOOK = f"{BOOK}webhooks/<int:webhook_id>/"
DELIVERY = f"{WEBHOOK}deliveries/<int:delivery_id>/"

urlpatterns = [
    path("books/", books.BookList.as_view(), name="api-books"),
    path(BOOK, books.BookDetail.as_view(), name="api-book"),
    path(f"{BOOK}close-period/", books.ClosePeriod.as_view(), name="api-close-period"),
    path(f"{BOOK}reopen-period/", books.ReopenPeriod.as_view(), name="api-reopen-period"),
    path(f"{BOOK}proof/", books.Proof.as_view(), name="api-proof"),
    path(f"{BOOK}accounts/", accounts.AccountList.as_view(), name="api-accounts"),
    path(ACCOUNT, accounts.AccountDetail.as_view(), name="api-account"),
    path(f"{ACCOUNT}move/", accounts.MoveAccount.as_view(), name="api-account-move"),
    path(f"{ACCOUNT}opening-balance/", accounts.AccountOpening.as_view(), name="api-account-opening"),
    path(f"{ACCOUNT}close/", accounts.CloseAccount.as_view(), name="api-account-close"),
    path(f"{ACCOUNT}register/", registers.Register.as_view(), name="api-register"),
    path(f"{BOOK}entries/", entries.EntryList.as_view(), name="api-entries"),
    path(f"{BOOK}entries/bulk/", entries.EntryBulk.as_view(), name="api-entries-bulk"),
    path(f"{BOOK}entries/tags/", tags.TagManyEntries.as_view(), name="api-tags-entries"),
    path(ENTRY, entries.EntryDetail.as_view(), name="api-entry"),
    path(f"{ENTRY}history/", entries.EntryHistory.as_view(), name="api-entry-history"),
    path(f"{ENTRY}correct/", entries.CorrectEntry.as_view(), name="api-entry-correct"),
    path(f"{ENTRY}reverse/", entries.ReverseEntry.as_view(), name="api-entry-reverse"),
    path(f"{BOOK}exchanges/", entries.PostExchange.as_view(), name="api-exchanges"),
    path(f"{BOOK}balances/", balances.BalanceList.as_view(), name="api-balances"),
    path(f"{BOOK}trial-balance/", balances.TrialBalanceReport.as_view(), name="api-trial-balance"),
    path(f"{BOOK}reports/<str:kind>/", reports.ReportDetail.as_view(), name="api-report"),
    path(f"{BOOK}reports/<str:kind>/rows/", reports.ReportFigure.as_view(), name="api-report-rows"),
    path(f"{BOOK}saved-reports/", reports.SavedReportList.as_view(), name="api-saved-reports"),
    path(f"{BOOK}saved-reports/<int:report_id>/", reports.SavedReportDetail.as_view(), name="api-saved-report"),
    path(f"{BOOK}dashboard/", reports.DashboardView.as_view(), name="api-dashboard"),
    path(f"{BOOK}members/", members.MemberList.as_view(), name="api-members"),
    path(f"{BOOK}members/<int:membership_id>/", members.MemberDetail.as_view(), name="api-member"),
    path(f"{BOOK}invitations/", members.InvitationList.as_view(), name="api-invitations"),
    path(f"{BOOK}invitations/<int:invitation_id>/", members.InvitationDetail.as_view(), name="api-invitation"),
    path("invitations/accept/", members.InvitationAccept.as_view(), name="api-invitation-accept"),
    path(f"{BOOK}imports/", imports.ImportList.as_view(), name="api-imports"),
    path(IMPORT, imports.ImportDetail.as_view(), name="api-import"),
    path(f"{IMPORT}rows/", imports.ImportRows.as_view(), name="api-import-rows"),
    path(f"{IMPORT}decide/", imports.DecideRows.as_view(), name="api-import-decide"),
    path(f"{IMPORT}profile/", imports.ImportProfile.as_view(), name="api-import-profile"),
    path(f"{IMPORT}statements/<int:statement_id>/assign/", imports.AssignStatement.as_view(), name="api-import-assign"),
    path(f"{IMPORT}confirm/", imports.ConfirmImport.as_view(), name="api-import-confirm"),
    path(f"{IMPORT}undo/", imports.UndoImport.as_view(), name="api-import-undo"),
    path(f"{IMPORT}discard/", imports.DiscardImport.as_view(), name="api-import-discard"),
    path(f"{ENTRY}tags/", tags.SetEntryTags.as_view(), name="api-tags-entry"),
    path(f"{BOOK}tags/", tags.TagList.as_view(), name="api-tags"),
    path(TAG, tags.TagDetail.as_view(), name="api-tag"),
    path(f"{TAG}merge/", tags.MergeTags.as_view(), name="api-tag-merge"),
    path(f"{TAG}figures/", tags.TagFiguresView.as_view(), name="api-tag-figures"),
    path(f"{BOOK}rules/", rules.RuleList.as_view(), name="api-rules"),
    path(f"{BOOK}rules/matches/", rules_past.Matches.as_view(), name="api-rules-matches"),
    path(f"{BOOK}rules/dry-run/", rules_past.DryRun.as_view(), name="api-rules-dry-run"),
    path(f"{BOOK}rules/document/", rules.ExchangeRules.as_view(), name="api-rules-document"),
    path(RULE, rules.RuleDetail.as_view(), name="api-rule"),
    path(f"{RULE}move/", rules.MoveRule.as_view(), name="api-rule-move"),
    path(f"{RULE}versions/", rules.RuleVersions.as_view(), name="api-rule-versions"),
    path(f"{RULE}log/", rules.RuleLogList.as_view(), name="api-rule-log"),
    path(f"{BOOK}rule-groups/", rules.GroupList.as_view(), name="api-rule-groups"),
    path(GROUP, rules.GroupDetail.as_view(), name="api-rule-group"),
    path(f"{GROUP}move/", rules.MoveGroup.as_view(), name="api-rule-group-move"),
    path(f"{BOOK}rule-applications/", rules_past.ApplicationList.as_view(), name="api-rule-applications"),
    path(APPLICATION, rules_past.ApplicationDetail.as_view(), name="api-rule-application"),
    path(f"{APPLICATION}cancel/", rules_past.CancelApplication.as_view(), name="api-rule-application-cancel"),
    path(f"{APPLICATION}resume/", rules_past.ResumeApplication.as_view(), name="api-rule-application-resume"),
    path(f"{BOOK}webhooks/", webhooks.WebhookList.as_view(), name="api-webhooks"),
    path(f"{BOOK}webhooks/event-types/", webhooks.EventTypes.as_view(), name="api-webhook-event-types"),
    path(WEBHOOK, webhooks.WebhookDetail.as_view(), name="api-webhook"),
    path(f"{WEBHOOK}rotate-secret/", webhooks.RotateSecret.as_view(), name="api-webhook-rotate-secret"),
    path(f"{WEBHOOK}test/", webhook_deliveries.SendTest.as_view(), name="api-webhook-test"),
    path(f"{WEBHOOK}replay/", webhook_deliveries.ReplayFailed.as_view(), name="api-webhook-replay"),
    path(f"{WEBHOOK}deliveries/", webhook_deliveries.DeliveryList.as_view(), name="api-webhook-deliveries"),
    path(DELIVERY, webhook_deliveries.DeliveryDetail.as_view(), name="api-webhook-delivery"),
    path(f"{DELIVERY}replay/", webhook_deliveries.ReplayDelivery.as_view(), name="api-webhook-delivery-replay"),
]

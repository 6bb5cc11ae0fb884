"""The operators' pages of long operations: what there is, what runs, what came of it."""

import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold import widgets
from unfold.admin import ModelAdmin
from unfold.decorators import display

from platform_outbox import emit
from platform_outbox.admin.base import CappedPaginator, ReadOnly, State, note
from platform_outbox.operations import registry, runs, services
from platform_outbox.operations.models import OperationRun

SHOWN_LOG = 20_000  # the newest characters; all of them are in the database

_FIELDS: dict[type, tuple[type[forms.Field], Any]] = {
    bool: (forms.BooleanField, widgets.UnfoldBooleanSwitchWidget),
    int: (forms.IntegerField, widgets.UnfoldAdminIntegerFieldWidget),
    datetime.date: (forms.DateField, widgets.UnfoldAdminDateWidget(attrs={"type": "date"})),
}
_States = OperationRun.State
_COLOURS = {_States.DONE: "success", _States.FAILED: "danger", _States.RUNNING: "info", _States.CANCELLED: "warning"}


@admin.register(OperationRun)
class OperationRunAdmin(ReadOnly, ModelAdmin):
    list_display = ("shown_title", "scope", "shown_state", "shown_progress", "by", "requested_at", "finished_at")
    list_display_links = ("shown_title",)
    list_filter = ("state", "operation")
    ordering = ("-id",)
    paginator = CappedPaginator
    show_full_result_count = False
    list_before_template = "platform_operation/catalogue.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: OperationRun | None = None) -> bool:
        """For those who may see all runs, and for those who may start one, who see the runs of what they may start."""
        if super().has_view_permission(request, obj):
            return True
        startable = _startable(request)
        return bool(startable) if obj is None else obj.operation in startable

    def get_queryset(self, request: HttpRequest) -> QuerySet[OperationRun]:
        runs: QuerySet[OperationRun] = super().get_queryset(request)
        return runs if super().has_view_permission(request) else runs.filter(operation__in=_startable(request))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("start/<str:name>/", wrap(self.start_view), name="platform_operation_start"),
            path("<int:run_id>/progress/", wrap(self.progress_view), name="platform_operation_progress"),
            path("<int:run_id>/cancel/", wrap(require_POST(self.cancel_view)), name="platform_operation_cancel"),
            path("<int:run_id>/resume/", wrap(require_POST(self.resume_view)), name="platform_operation_resume"),
            path("<int:run_id>/files/<str:name>/", wrap(self.file_view), name="platform_operation_file"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        startable = _startable(request)
        offered = [each for each in registry.all_operations() if each.name in startable]
        context = {**(extra_context or {}), "offered": offered, "no_worker": not emit.workers_alive()}
        page: HttpResponse = super().changelist_view(request, context)
        return page

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        run = self._run(request, int(object_id) if object_id.isdecimal() else 0)
        return TemplateResponse(request, "platform_operation/run.html", self._context(request, run))

    def start_view(self, request: HttpRequest, name: str) -> HttpResponse:
        operation = self._allowed(request, name)
        # A field for each parameter, and one for the dry run where there is one.
        fields: dict[str, Any] = {each.name: _field(each) for each in registry.parameters_of(operation.parameters)}
        if operation.dry_run:
            fields["dry_run"] = forms.BooleanField(
                label=_("Dry run: tell what would be done, change nothing"),
                required=False,
                initial=True,
                widget=widgets.UnfoldBooleanSwitchWidget,
            )
        form = type("OperationForm", (forms.Form,), fields)(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and (run := self._start(request, operation, form)):
            return HttpResponseRedirect(_url(run))
        context = {
            **self.admin_site.each_context(request),
            "title": operation.title,
            "opts": OperationRun._meta,
            "operation": operation,
            "no_worker": not emit.workers_alive(),
            "form": form,
            "media": self.media + form.media,
            "back": reverse("admin:platform_operation_operationrun_changelist"),
        }
        return TemplateResponse(request, "platform_operation/start.html", context)

    def progress_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """The part of a run's page that changes; asked every second while the run lasts."""
        run = self._run(request, run_id)
        return TemplateResponse(request, "platform_operation/_progress.html", self._context(request, run))

    def file_view(self, request: HttpRequest, run_id: int, name: str) -> FileResponse:
        run = self._run(request, run_id)
        self._allowed(request, run.operation)
        found = next((path for path in runs.left_by(run_id) if path.name == name), None)
        if found is None:
            raise Http404
        return FileResponse(found.open("rb"), as_attachment=True, filename=name)

    def cancel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        return self._change(request, run_id, services.cancel, _("cancelled"), _("The run ends at its next step."))

    def resume_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        return self._change(request, run_id, services.resume, _("resumed"), _("The run continues where it stopped."))

    @display(description=gettext_lazy("operation"))
    def shown_title(self, run: OperationRun) -> str:
        operation = registry.operation_named(run.operation)
        title = str(operation.title) if operation else run.operation
        return _("%s (dry run)") % title if run.dry_run else title

    @display(description=gettext_lazy("state"), label=_COLOURS)
    def shown_state(self, run: OperationRun) -> State:
        return State(run.state, run.get_state_display())

    @display(description=gettext_lazy("progress"))
    def shown_progress(self, run: OperationRun) -> str:
        return "–" if run.percent is None else f"{run.percent} %"

    def _run(self, request: HttpRequest, run_id: int) -> OperationRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run: OperationRun = get_object_or_404(self.get_queryset(request), pk=run_id)
        return run

    def _allowed(self, request: HttpRequest, name: str) -> registry.Operation:
        operation = registry.operation_named(name)
        if operation is None:
            raise Http404
        if not request.user.has_perm(operation.permission):
            raise PermissionDenied
        return operation

    def _start(self, request: HttpRequest, operation: registry.Operation, form: Any) -> OperationRun | None:
        given = {
            name: runs.keep_given(value.chunks(), name=value.name or "") if isinstance(value, UploadedFile) else value
            for name, value in form.cleaned_data.items()
        }
        dry_run = bool(given.pop("dry_run", False))
        try:
            run = services.start(name=operation.name, given=given, by=request.user.get_username(), dry_run=dry_run)
        except registry.ParametersInvalid as error:
            for field, problem in error.problems.items():
                form.add_error(field if field in form.fields else None, problem)
            return None
        except services.OperationRefused as error:
            form.add_error(None, str(error))
            return None
        note(request, run, _("Started"), flag=ADDITION)
        return run

    def _change(self, request: HttpRequest, run_id: int, service: Any, deed: str, told: str) -> HttpResponse:
        run = self._run(request, run_id)
        self._allowed(request, run.operation)
        try:
            service(run_id=run_id, by=request.user.get_username())
        except services.OperationRefused as error:
            messages.error(request, str(error))
        else:
            note(request, run, deed)
            messages.success(request, told)
        return HttpResponseRedirect(_url(run))

    def _context(self, request: HttpRequest, run: OperationRun) -> dict[str, Any]:
        operation = registry.operation_named(run.operation)
        may_act = operation is not None and request.user.has_perm(operation.permission)
        labels = {each.name: each.label for each in registry.parameters_of(operation.parameters)} if operation else {}
        words = {True: _("yes"), False: _("no")}
        return {
            **self.admin_site.each_context(request),
            "title": self.shown_title(run),
            "opts": OperationRun._meta,
            "run": run,
            "no_worker": run.is_open and not emit.workers_alive(),
            "given": [
                (labels.get(name, name), words[value] if isinstance(value, bool) else value)
                for name, value in run.parameters.items()
                if value not in (None, "")
            ],
            "result": (run.result or {}).items(),
            "files": [path.name for path in runs.left_by(run.pk)] if may_act else [],
            "log": run.log[-SHOWN_LOG:],
            "cancels": may_act and run.is_open and not run.cancel_requested_at and (operation and operation.cancel),
            "resumes": may_act and run.state in (_States.FAILED, _States.CANCELLED),
        }


def _startable(request: HttpRequest) -> set[str]:
    return {each.name for each in registry.all_operations() if request.user.has_perm(each.permission)}


def _field(parameter: registry.Parameter) -> forms.Field:
    common: dict[str, Any] = {
        "label": parameter.label,
        "help_text": parameter.help_text,
        "required": parameter.required and parameter.kind is not bool,
        "initial": parameter.default,
    }
    if parameter.file:
        return forms.FileField(**common, widget=widgets.UnfoldAdminFileFieldWidget)
    if parameter.choices:
        blank = [] if parameter.required else [("", "–")]
        choices = [*blank, *((choice, choice) for choice in parameter.choices)]
        return forms.ChoiceField(**common, choices=choices, widget=widgets.UnfoldAdminSelectWidget)
    if parameter.kind is str:
        return forms.CharField(**common, max_length=500, widget=widgets.UnfoldAdminTextInputWidget)
    field, widget = _FIELDS[parameter.kind]
    return field(**common, widget=widget)


def _url(run: OperationRun) -> str:
    return reverse("admin:platform_operation_operationrun_change", args=[run.pk])

"""Everything that changes rules. Each function is one transaction and announces itself."""

from finance.rules.services.applying import (
    apply_step,
    apply_to_past,
    cancel_application,
    entries_to_look_at,
    resume_application,
    stop_application,
)
from finance.rules.services.exchange import export_rules, import_rules
from finance.rules.services.groups import add_group, change_group, move_group, remove_group
from finance.rules.services.rules import move_rule, remove_rule, save_rule, switch_rule

__all__ = [
    "add_group",
    "apply_step",
    "apply_to_past",
    "cancel_application",
    "change_group",
    "entries_to_look_at",
    "export_rules",
    "import_rules",
    "move_group",
    "move_rule",
    "remove_group",
    "remove_rule",
    "resume_application",
    "save_rule",
    "stop_application",
    "switch_rule",
]

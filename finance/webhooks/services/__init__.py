"""Everything that changes webhooks or sends to them."""

from finance.webhooks.services.delivering import DeliveryOutcome, deliver
from finance.webhooks.services.endpoints import (
    FreshSecret,
    add_endpoint,
    change_endpoint,
    remove_endpoint,
    rotate_secret,
)
from finance.webhooks.services.pruning import prune_deliveries
from finance.webhooks.services.queueing import may_test, queue_deliveries, replay_delivery, replay_failed, send_test
from finance.webhooks.services.switching import change_and_switch, start_endpoint, stop_endpoint

__all__ = [
    "DeliveryOutcome",
    "FreshSecret",
    "add_endpoint",
    "change_and_switch",
    "change_endpoint",
    "deliver",
    "may_test",
    "prune_deliveries",
    "queue_deliveries",
    "remove_endpoint",
    "replay_delivery",
    "replay_failed",
    "rotate_secret",
    "send_test",
    "start_endpoint",
    "stop_endpoint",
]

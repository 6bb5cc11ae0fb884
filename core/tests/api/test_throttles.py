from rest_framework.request import Request

from core.api.throttles import AnonThrottle


def test_the_throttles_count_what_the_lock_out_counts(rf, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    seen = {
        AnonThrottle().get_ident(Request(rf.get("/", REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR=forwarded)))
        for forwarded in ("2001:db8:1:2::1", "1.1.1.1, [2001:db8:1:2::9]:4711")
    }
    assert seen == {"2001:db8:1:2::"}

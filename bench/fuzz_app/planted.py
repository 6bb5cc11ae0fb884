"""The same with a page that has a fault, to prove that the bench notices one."""

from fuzz_app.settings import *  # noqa: F403

ROOT_URLCONF = "fuzz_app.planted_urls"

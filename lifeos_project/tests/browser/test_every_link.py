"""Every link, followed by a browser on a small phone as household and as operator, and every form of the household.

Pages that differ only in a number count as one, and so do those whose queries bring no new name. A page fails by its
status, an error in the console (what the content policy refuses is one), or by being wider than the screen; a form
fails when what it answers to nonsense is no page.
"""

import json
import re
from collections import deque
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.test import Client
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from identity.models import User

pytestmark = pytest.mark.browser

SMALLEST = {"width": 320, "height": 700}
# Not pages of ours to walk: a document, files to download, and the documentation of the API, which has a test of its own.
ELSEWHERE = re.compile(r"^/(health|metrics|api|static)|/export|/files?/|/(csv|xlsx)/|/jsi18n/")
# Pressed last: after them there is less to press.
ENDS = re.compile(
    r"discard|undo|remove|revoke|delete|leave|reverse|close|switch|secret|logout|sign-out|password|language"
)

LINKS = """() => [...document.querySelectorAll('a[href]')]
    .filter((a) => !a.hasAttribute('download')).map((a) => a.href)"""
FORMS = """() => [...document.forms].filter((form) => form.method !== 'dialog').map((form) => ({
    index: [...document.forms].indexOf(form), method: form.method, action: form.getAttribute('action') || location.pathname,
    names: [...new Set([...form.elements].map((each) => each.name).filter(Boolean))].sort(),
    buttons: [...form.querySelectorAll('button[name]')].map((each) => each.value),
}))"""
# As a browser sends the form whose reader ignores every hint: without checks, without scripts.
SEND = """([index, nonsense]) => {
    const form = document.forms[index];
    for (const each of form.elements) {
        if (['hidden', 'checkbox', 'radio', 'submit', 'button', 'file', 'fieldset'].includes(each.type)) continue;
        if (each.tagName === 'SELECT') { if (!nonsense) each.selectedIndex = -1; continue; }
        if ('value' in each) { each.type = each.tagName === 'INPUT' ? 'text' : each.type; each.value = nonsense; }
    }
    HTMLFormElement.prototype.submit.call(form);
}"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The innermost elements that reach past the edge and are not inside something that scrolls by itself.
PAST_THE_EDGE = """() => [...document.querySelectorAll('body *')].filter((each) => {
    if (each.getBoundingClientRect().right <= document.documentElement.clientWidth + 1) return false;
    for (let up = each; up; up = up.parentElement)
        if (up !== document.documentElement && getComputedStyle(up).overflowX !== 'visible') return false;
    return true;
}).slice(-3).map((each) => each.tagName + '.' + each.className)"""


def shape(url):
    """The address without what tells one book, entry or event from another."""
    parts = urlsplit(url)
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|(?<=/)\d+(?=/)", "#", parts.path)
    path = re.sub(r"(periodic|worker|breaker|lever)/[^/]+/change", r"\1/#/change", path)
    names = {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)} - {"_changelist_filters"}
    return path, tuple(sorted(names))


class Walk:
    """One person's walk through all pages that can be reached from a page."""

    def __init__(self, browser, live_server, user):
        self.context = browser.new_context(viewport=SMALLEST, base_url=live_server.url, locale="en-GB")
        self.context.set_default_timeout(60_000)
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        self.context.add_cookies([cookie])
        self.tab = self.context.new_page()
        self.said = []
        self.tab.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.origin = live_server.url
        self.faults = {}
        # The paths that were opened, with the names of the queries they were asked by.
        self.pages = {}
        self.forms = {}

    def follow_all(self, start, *, inside):
        """Open every kind of page below `inside`, and note the forms on them."""
        waiting = deque([urljoin(self.origin, start)])
        while waiting:
            url = waiting.popleft()
            path, names = shape(url)
            if path in self.pages and self.pages[path].issuperset(names):
                continue
            self.pages.setdefault(path, set()).update(names)
            self.open(url)
            for form in self.tab.evaluate(FORMS):
                self.forms.setdefault(
                    (*shape(urljoin(url, form["action"])), form["method"], *form["names"]), (url, form)
                )
            for link in self.tab.evaluate(LINKS):
                target = urlsplit(link)
                is_ours = link.startswith(f"{self.origin}/") and re.match(inside, target.path)
                if is_ours and not ELSEWHERE.search(target.path):
                    waiting.append(target._replace(fragment="").geturl())

    def open(self, url):
        self.said.clear()
        response = self.tab.goto(url)
        faults = [f"console: {text}" for text in self.said]
        if response.status >= 400:
            faults.append(f"status {response.status}")
        if self.tab.evaluate(WIDER) > 0:
            faults.append(f"wider than the screen: {self.tab.evaluate(PAST_THE_EDGE)}")
        if faults:
            self.faults[url.removeprefix(self.origin)] = faults

    def send_all(self):
        """Send each kind of form, empty or with nonsense in turn; what ends something comes last. How many were sent."""
        sent = 0
        ordered = sorted(self.forms.items(), key=lambda item: (bool(ENDS.search(item[0][0])), item[0][0]))
        for place, (_key, (url, form)) in enumerate(ordered):
            sent += self.send(url, form, ("", "zz 1.2.3 \N{SNOWMAN}")[place % 2])
        return sent

    def send(self, url, form, nonsense):
        if self.tab.goto(url).status >= 400:
            return False  # what the page was about is gone by now
        there = [each for each in self.tab.evaluate(FORMS) if each["names"] == form["names"]]
        match = [each for each in there if shape(each["action"]) == shape(form["action"])]
        if not match:
            return False
        self.said.clear()
        where = f"{url.removeprefix(self.origin)} {form['method']} {form['action']} {nonsense!r}"
        try:
            with self.tab.expect_navigation(timeout=60_000) as navigation:
                self.tab.evaluate(SEND, [match[0]["index"], nonsense])
        except PlaywrightTimeout:
            self.faults[where] = ["nothing happened"]
            return True
        response = navigation.value
        faults = [f"console: {text}" for text in self.said if not text.startswith("Failed to load resource")]
        if response is None or response.status in (403, 404, 405) or response.status >= 500:
            faults.append(f"status {response and response.status}")
        elif "text/html" in response.headers.get("content-type", ""):
            if not self.tab.locator("h1").count():
                faults.append("no page that explains")
            if self.tab.evaluate(WIDER) > 0:
                faults.append(f"wider than the screen: {self.tab.evaluate(PAST_THE_EDGE)}")
        if faults:
            self.faults[where] = faults
        return True


@pytest.fixture
def walk(browser, live_server):
    """walk(user) → a walk as that person; what it found wrong fails the test in the end."""
    walks = []

    def begin(user):
        walks.append(Walk(browser, live_server, user))
        return walks[-1]

    yield begin
    for each in walks:
        each.context.close()


def test_every_link_and_button_of_the_household_works(walk, anna, filled):
    walked = walk(anna)
    walked.follow_all(f"/b/{filled.pk}/", inside=r"/(b|books|accounts|invitations)/|/$")
    assert walked.faults == {}, json.dumps(walked.faults, indent=1)
    assert len(walked.pages) > 35
    assert walked.send_all() > 40
    assert walked.faults == {}, json.dumps(walked.faults, indent=1)


def test_every_link_of_the_operator_works(walk, filled):
    operator = User.objects.create_superuser("operator@example.org", "correct horse battery")
    walked = walk(operator)
    walked.follow_all("/admin/", inside=r"/admin/")
    assert walked.faults == {}, json.dumps(walked.faults, indent=1)
    assert len(walked.pages) > 60

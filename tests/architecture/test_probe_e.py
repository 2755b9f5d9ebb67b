import re
import time
import traceback

import pytest
from django.db import transaction

from tests.architecture.test_wall import NOT_OPENED, PEOPLE, sent, signed, thing_of
from tests.factories import wall
from tests.factories import wall_stories as stories

pytestmark = pytest.mark.django_db


def wrapped(story):
    def run(of):
        t = time.time()
        try:
            atom = transaction.atomic()
            atom._from_testcase = True
            with atom:
                story(of)
        except Exception:
            print("STORY", story.__name__, traceback.format_exc()[-900:])
        print("TIME", story.__name__, round(time.time() - t, 2))

    return run


@pytest.fixture(scope="module")
def here(django_db_setup, django_db_blocker):
    stories.STORIES = tuple(wrapped(s) for s in stories.STORIES)
    with django_db_blocker.unblock(), wall.undone():
        t = time.time()
        made = wall.build()
        print("BUILD", time.time() - t)
        yield made


def test_build(here):
    for address, view in signed().items():
        known, unknown, whose, is_public, missing = thing_of(here, address)
        if missing:
            print("MISSING", address, missing)
            continue
        bare = any(k.is_bare for k in here.kinds(address))
        for method, roles in view.roles.items():
            if method == "HEAD":
                continue
            for role in sorted(set(roles) & set(PEOPLE)):
                if role not in wall.owners(address):
                    continue
                c = here.client(role, "own", whose)
                if c is None:
                    print("NOBODY", address, role)
                    continue
                t = time.time()
                a = sent(c, method, known)
                st = a.status_code
                dt = time.time() - t
                ok = st == 200 if method == "GET" else st not in (403, 404, 405) and st < 500
                why = (
                    ""
                    if ok or a.streaming
                    else re.sub(
                        r"\s+", " ", re.sub(r"<[^>]+>", " ", a.content.decode("utf-8", "replace").partition("<main")[2])
                    )[55:140]
                )
                if not ok:
                    print(
                        "BAD",
                        st,
                        method,
                        address,
                        role,
                        "bare" if bare else "",
                        ("LISTED" if (address, method) in NOT_OPENED else ""),
                        f"{dt * 1000:.0f}ms",
                        why,
                    )

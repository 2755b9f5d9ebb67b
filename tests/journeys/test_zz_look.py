import os
from pathlib import Path
from tests.journeys import eyes, test_office
from tests.journeys.test_office import *
eyes.PICTURES = Path("/tmp/office_png")
faults = []
def look(page, address, name):
    answer = page.goto(address)
    eyes.picture(page, f"office-{name}")
    if answer.status != 200: faults.append((name, answer.status))
    for what, js in (("overflow", eyes.OVERFLOW), ("small", eyes.SMALL_TARGETS), ("contrast", eyes.LOW_CONTRAST), ("heads", eyes.HEADINGS)):
        got = page.evaluate(js)
        if what == "heads":
            bad = got[0] != 1 or got.count(1) != 1 or any(b - a > 1 for a, b in zip(got, got[1:]))
            got = got if bad else []
        if got and got != 0: faults.append((name, what, got))
test_office.look = look
def test_zz(live_server, browser_path):
    test_every_page_reads_well(live_server, browser_path)
    for f in faults: print(str(f)[:400])

import re, pytest
from tests.interfaces.test_office_casework import *
def strip(s): return re.sub(r'\s+',' ',re.sub('<[^>]+>',' ',s.partition('<main')[2]))
def test_a():
    of = desk(families=2, silent=0, device="")
    approved_sheet(of)
    print(strip(text(at_desk(of, Role.PAYER), f"{HOME}claims/draw/{MONTH}")))
    from qosymsha.domain.settlement.queries import drawing
    print(drawing.contracts(of.city.programme_id))
def test_b():
    of = desk(families=2, silent=0, device="")
    answer(paid_out(of))
    claim, checker = Claim.objects.get(), at_desk(of, Role.CHECKER)
    where = f"{HOME}claims/{claim.number}/recover/"
    shown = text(checker, where)
    first, other = re.findall(r'name="(row-[0-9a-f]{32}-\d{6})"', shown)
    sent = browsing.form_of(shown) | {"reason": "no lesson", "evidence": "visit of 3 October"}
    print(strip(checker.post(where, sent | {first: "1000.50"}).content.decode()))

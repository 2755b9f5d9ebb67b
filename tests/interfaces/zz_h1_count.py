import pytest
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.rules import EnrolWish
from tests.factories import admission, vouchers
from tests.interfaces.wire import listening
pytestmark = pytest.mark.django_db(transaction=True)
def test_x():
    city=admission.City(); r=city.opened(); f=city.families(2); city.file(r,f[:1])
    with listening() as w: city.file(r,f[1:])
    print("\nFILE", len(w.statements))
    c=vouchers.make_city(); g=vouchers.add_group(c); a,b=vouchers.accepted(c,2)
    commands.enrol(actor=vouchers.CHANNEL, wishes=[EnrolWish(a[0],a[2],g,vouchers.FIRST)], at=vouchers.AT, key=vouchers.key())
    with listening() as w: commands.enrol(actor=vouchers.CHANNEL, wishes=[EnrolWish(b[0],b[2],g,vouchers.FIRST)], at=vouchers.AT, key=vouchers.key())
    print("ENROL", len(w.statements))

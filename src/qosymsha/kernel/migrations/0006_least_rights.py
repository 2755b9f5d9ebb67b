"""What pages and jobs do to tables themselves they do by functions of the tables' owner: their own role may do no such thing.

Nobody but the owner calls these until `qosymsha migrate` grants it (interfaces/cli/rights.py).
"""

from django.db import migrations

# The path is named: whoever calls must not choose which tables and functions the owner's words mean.
_OWNERS = """
ALTER FUNCTION make_months(text, date, int) SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION outbox_forget(date) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION make_months(text, date, int), outbox_forget(date), copy_guards(text) FROM PUBLIC
"""
_CALLERS = """
GRANT EXECUTE ON FUNCTION make_months(text, date, int), outbox_forget(date), copy_guards(text) TO PUBLIC;
ALTER FUNCTION outbox_forget(date) SECURITY INVOKER RESET search_path;
ALTER FUNCTION make_months(text, date, int) SECURITY INVOKER RESET search_path
"""


class Migration(migrations.Migration):
    dependencies = [("kernel", "0005_links")]
    operations = [migrations.RunSQL(_OWNERS, _CALLERS)]

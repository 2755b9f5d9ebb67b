"""Months of marks kept elsewhere leave whole after their time."""

from django.db import migrations

_MONTHS = r"""
CREATE FUNCTION outside_forget(before date) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN drop_months('outside_mark', before, 0);
END $$;
REVOKE EXECUTE ON FUNCTION outside_forget(date) FROM PUBLIC
"""


class Migration(migrations.Migration):
    """A function over this room's own table."""

    dependencies = [("flags", "0003_points"), ("kernel", "0007_forgetting")]
    operations = [migrations.RunSQL(_MONTHS, "DROP FUNCTION outside_forget(date)")]

"""A freed seat belongs to the group's own waiting list first: nobody takes it past those who stand there.

The mark stands on the seats' own row, so that the one conditional UPDATE that takes a seat looks at it too: no question
more, no lock more (docs/decisions/0054). The room `agreements` keeps it, through `steps.mark_waited_for`.
"""

from django.db import migrations, models

_TAKE = """
CREATE OR REPLACE FUNCTION take_seat(the_group bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE seat SET taken = taken + 1 WHERE group_id = the_group AND taken < capacity AND NOT is_waited_for;
    IF NOT FOUND THEN
        INSERT INTO seat (group_id, capacity, taken) SELECT g.id, g.capacity, 0 FROM club_group g WHERE g.id = the_group
            ON CONFLICT (group_id) DO NOTHING;
        UPDATE seat SET taken = taken + 1 WHERE group_id = the_group AND taken < capacity AND NOT is_waited_for;
    END IF;
    RETURN FOUND;
END $$;
CREATE FUNCTION take_free_seats(groups bigint[], wanted int[]) RETURNS TABLE (group_id bigint, granted int)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_seats(groups);
    RETURN QUERY
        WITH fit AS (
            SELECT s.group_id, least(w.n, s.capacity - s.taken) AS n
            FROM unnest(groups, wanted) AS w (id, n) JOIN seat s ON s.group_id = w.id WHERE NOT s.is_waited_for)
        UPDATE seat s SET taken = s.taken + f.n FROM fit f
        WHERE s.group_id = f.group_id AND f.n > 0 AND s.taken + f.n <= s.capacity
        RETURNING s.group_id, f.n;
END $$;
"""


class Migration(migrations.Migration):
    """The mark, and the two direct ways into a group that look at it."""

    dependencies = [("vouchers", "0005_hot_verbs")]
    operations = [
        migrations.AddField(
            model_name="seat",
            name="is_waited_for",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(_TAKE, "DROP FUNCTION take_free_seats"),
    ]

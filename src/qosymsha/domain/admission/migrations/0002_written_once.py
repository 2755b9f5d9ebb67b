"""Numbers, what is written once, insert-only tables, and keys that keep territory and programme equal."""

from django.db import migrations

from qosymsha.domain.admission.states import ROUND_TRANSITIONS, TRANSITIONS
from qosymsha.kernel.schema import history_of, insert_only, only_transitions, same_place

_SEQUENCES = "CREATE SEQUENCE application_number; CREATE SEQUENCE round_number"
# Half a page is left for the rows' next versions: close and run rewrite every row of a round once.
_ROOM_FOR_UPDATES = "ALTER TABLE application SET (fillfactor = 50)"

# A draw that could be done again, a root that could be changed after the seed is known, would be no draw: so the
# database refuses it, whoever asks.
_WRITTEN_ONCE = """
CREATE FUNCTION admission_round_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.root IS NOT NULL AND NEW.root IS DISTINCT FROM OLD.root)
       OR (OLD.seed IS NOT NULL AND NEW.seed IS DISTINCT FROM OLD.seed)
       OR (OLD.beacon_value IS NOT NULL AND NEW.beacon_value IS DISTINCT FROM OLD.beacon_value)
       OR (OLD.places IS NOT NULL AND NEW.places IS DISTINCT FROM OLD.places)
       OR (OLD.terms <> '' AND NEW.terms <> OLD.terms)
       OR (OLD.output_hash IS NOT NULL AND NEW.output_hash IS DISTINCT FROM OLD.output_hash)
       OR OLD.state = 'cancelled'
       OR (OLD.state <> 'planned' AND (NEW.number, NEW.programme_id, NEW.rule_set_id, NEW.beacon_name, NEW.opens_at,
           NEW.closes_at, NEW.first_month, NEW.last_month) IS DISTINCT FROM (OLD.number, OLD.programme_id,
           OLD.rule_set_id, OLD.beacon_name, OLD.opens_at, OLD.closes_at, OLD.first_month, OLD.last_month))
    THEN RAISE EXCEPTION 'round %: written once', OLD.number USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER admission_round_written_once BEFORE UPDATE ON admission_round
    FOR EACH ROW EXECUTE FUNCTION admission_round_written_once();
CREATE FUNCTION draw_secret_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.round_id, NEW.party, NEW.commitment) IS DISTINCT FROM (OLD.round_id, OLD.party, OLD.commitment)
       OR (OLD.secret IS NOT NULL AND NEW.secret IS DISTINCT FROM OLD.secret)
    THEN RAISE EXCEPTION 'a commitment is written once' USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER draw_secret_written_once BEFORE UPDATE ON draw_secret
    FOR EACH ROW EXECUTE FUNCTION draw_secret_written_once();
"""


class Migration(migrations.Migration):
    """SQL that Django has no words for."""

    dependencies = [("admission", "0001_initial"), ("kernel", "0001_initial")]
    operations = [
        migrations.RunSQL(_SEQUENCES, "DROP SEQUENCE application_number, round_number"),
        migrations.RunSQL(_ROOM_FOR_UPDATES, "ALTER TABLE application RESET (fillfactor)"),
        migrations.RunSQL(
            _WRITTEN_ONCE,
            "DROP FUNCTION admission_round_written_once() CASCADE; DROP FUNCTION draw_secret_written_once() CASCADE",
        ),
        *history_of("round", ROUND_TRANSITIONS),
        *history_of("application", TRANSITIONS),
        only_transitions("admission_round", "state", ROUND_TRANSITIONS),
        # An allocation passes `ranked` inside one statement: both steps stand in the history, the row is written once.
        only_transitions("application", "state", TRANSITIONS | {("checked", "granted"), ("checked", "waiting")}),
        insert_only("frozen_line"),
        insert_only("outcome"),
        insert_only("refill"),
        same_place("admission_round", "rule_set_id", "rule_set"),
        same_place("application", "round_id", "admission_round"),
        same_place("refill", "round_id", "admission_round"),
        same_place("refill", "line_id", "budget_line"),
    ]

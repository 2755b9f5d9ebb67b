"""Numbers, what is written once, legal lives, keys that keep territory and programme equal."""

from django.db import migrations

from qosymsha.domain.controls.states import CAMPAIGN_TRANSITIONS, VISIT_TRANSITIONS
from qosymsha.kernel.schema import history_of, only_transitions, same_place

_SEQUENCE = "CREATE SEQUENCE control_number"

# A sample that could be drawn again, or from another list, would be a choice: the database refuses it, whoever asks.
_WRITTEN_ONCE = """
CREATE FUNCTION control_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.number, NEW.programme_id, NEW.unit, NEW.strata, NEW.first, NEW.last, NEW.size, NEW.beacon_name,
        NEW.commitment, NEW.secret_box) IS DISTINCT FROM (OLD.number, OLD.programme_id, OLD.unit, OLD.strata, OLD.first,
        OLD.last, OLD.size, OLD.beacon_name, OLD.commitment, OLD.secret_box)
       OR (OLD.root IS NOT NULL AND (NEW.root, NEW.frame, NEW.terms) IS DISTINCT FROM (OLD.root, OLD.frame, OLD.terms))
       OR (OLD.typed_value IS NOT NULL AND NEW.typed_value IS DISTINCT FROM OLD.typed_value)
       OR (OLD.seed IS NOT NULL AND (NEW.seed, NEW.beacon_value) IS DISTINCT FROM (OLD.seed, OLD.beacon_value))
       OR (OLD.secret IS NOT NULL AND NEW.secret IS DISTINCT FROM OLD.secret)
    THEN RAISE EXCEPTION 'campaign %: written once', OLD.number USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER control_written_once BEFORE UPDATE ON control_campaign
    FOR EACH ROW EXECUTE FUNCTION control_written_once();
CREATE FUNCTION control_visit_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.campaign_id, NEW.place, NEW.unit, NEW.provider_id) IS DISTINCT FROM
       (OLD.campaign_id, OLD.place, OLD.unit, OLD.provider_id)
       OR (OLD.visited_at IS NOT NULL AND (NEW.visited_at, NEW.visited_by, NEW.present, NEW.finding, NEW.note)
           IS DISTINCT FROM (OLD.visited_at, OLD.visited_by, OLD.present, OLD.finding, OLD.note))
    THEN RAISE EXCEPTION 'a visit is written once' USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER control_visit_written_once BEFORE UPDATE ON control_visit
    FOR EACH ROW EXECUTE FUNCTION control_visit_written_once();
"""


class Migration(migrations.Migration):
    """What Django's migrations have no words for."""

    dependencies = [("controls", "0001_initial"), ("kernel", "0001_initial")]
    operations = [
        migrations.RunSQL(_SEQUENCE, "DROP SEQUENCE control_number"),
        migrations.RunSQL(
            _WRITTEN_ONCE,
            "DROP FUNCTION control_written_once() CASCADE; DROP FUNCTION control_visit_written_once() CASCADE",
        ),
        *history_of("control_campaign", CAMPAIGN_TRANSITIONS),
        *history_of("control_visit", VISIT_TRANSITIONS),
        only_transitions("control_campaign", "state", CAMPAIGN_TRANSITIONS),
        only_transitions("control_visit", "state", VISIT_TRANSITIONS),
        same_place("control_visit", "campaign_id", "control_campaign"),
    ]

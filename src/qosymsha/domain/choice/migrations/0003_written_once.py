"""Numbers, what is written once, insert-only tables, legal lives, and keys that keep territory and programme equal."""

from django.db import migrations

from qosymsha.domain.choice.states import CHOICE_ROUND_TRANSITIONS, LIST_TRANSITIONS, OFFER_TRANSITIONS
from qosymsha.kernel.schema import history_of, insert_only, only_transitions, same_place

_SEQUENCES = "CREATE SEQUENCE choice_round_number"

# A draw that could be done again, a root that could be changed after the seed is known, would be no draw.
_WRITTEN_ONCE = """
CREATE FUNCTION choice_round_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.root IS NOT NULL AND NEW.root IS DISTINCT FROM OLD.root)
       OR (OLD.seed IS NOT NULL AND NEW.seed IS DISTINCT FROM OLD.seed)
       OR (OLD.beacon_value IS NOT NULL AND NEW.beacon_value IS DISTINCT FROM OLD.beacon_value)
       OR (OLD.terms <> '' AND NEW.terms <> OLD.terms)
       OR (OLD.output_hash IS NOT NULL AND NEW.output_hash IS DISTINCT FROM OLD.output_hash)
       OR (OLD.state <> 'planned' AND (NEW.number, NEW.programme_id, NEW.rule_set_id, NEW.beacon_name, NEW.opens_at,
           NEW.closes_at, NEW.starts_on) IS DISTINCT FROM (OLD.number, OLD.programme_id, OLD.rule_set_id,
           OLD.beacon_name, OLD.opens_at, OLD.closes_at, OLD.starts_on))
    THEN RAISE EXCEPTION 'choice round %: written once', OLD.number USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER choice_round_written_once BEFORE UPDATE ON choice_round
    FOR EACH ROW EXECUTE FUNCTION choice_round_written_once();
CREATE FUNCTION choice_secret_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.round_id, NEW.party, NEW.commitment) IS DISTINCT FROM (OLD.round_id, OLD.party, OLD.commitment)
       OR (OLD.secret IS NOT NULL AND NEW.secret IS DISTINCT FROM OLD.secret)
    THEN RAISE EXCEPTION 'a commitment is written once' USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER choice_secret_written_once BEFORE UPDATE ON choice_secret
    FOR EACH ROW EXECUTE FUNCTION choice_secret_written_once();
CREATE FUNCTION choice_list_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'list %: wishes are frozen', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER choice_list_frozen BEFORE UPDATE OF wishes, line_id, voucher_id, child_id ON choice_list
    FOR EACH ROW WHEN (OLD.state NOT IN ('filed', 'withdrawn')
        AND (OLD.wishes, OLD.line_id, OLD.voucher_id, OLD.child_id)
            IS DISTINCT FROM (NEW.wishes, NEW.line_id, NEW.voucher_id, NEW.child_id))
    EXECUTE FUNCTION choice_list_frozen();
"""


class Migration(migrations.Migration):
    """SQL that Django has no words for."""

    dependencies = [("choice", "0002_freed"), ("kernel", "0001_initial"), ("vouchers", "0003_left_over")]
    operations = [
        migrations.RunSQL(_SEQUENCES, "DROP SEQUENCE choice_round_number"),
        migrations.RunSQL(
            _WRITTEN_ONCE,
            "DROP FUNCTION choice_round_written_once() CASCADE; DROP FUNCTION choice_secret_written_once() CASCADE;"
            " DROP FUNCTION choice_list_frozen() CASCADE",
        ),
        *history_of("choice_round", CHOICE_ROUND_TRANSITIONS),
        *history_of("choice_list", LIST_TRANSITIONS),
        *history_of("choice_offer", OFFER_TRANSITIONS),
        only_transitions("choice_round", "state", CHOICE_ROUND_TRANSITIONS),
        only_transitions("choice_list", "state", LIST_TRANSITIONS),
        only_transitions("choice_offer", "state", OFFER_TRANSITIONS),
        insert_only("choice_line"),
        insert_only("choice_outcome"),
        insert_only("choice_cutoff"),
        insert_only("choice_setback"),
        same_place("choice_round", "rule_set_id", "rule_set"),
        same_place("choice_list", "round_id", "choice_round"),
        same_place("choice_list", "voucher_id", "voucher"),
        same_place("choice_offer", "round_id", "choice_round"),
        same_place("choice_offer", "choice_list_id", "choice_list"),
        same_place("choice_offer", "group_id", "club_group"),
    ]

"""A campaign's sealed secret may take a new key: its box changes with its key's id, and never without.

Which secret it is, the commitment says, and that stays written once; a draw refuses a box with another secret in it
(`steps.secret_of`).
"""

from django.db import migrations

_RESEALED = """
CREATE OR REPLACE FUNCTION control_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.number, NEW.programme_id, NEW.unit, NEW.strata, NEW.first, NEW.last, NEW.size, NEW.beacon_name,
        NEW.commitment) IS DISTINCT FROM (OLD.number, OLD.programme_id, OLD.unit, OLD.strata, OLD.first,
        OLD.last, OLD.size, OLD.beacon_name, OLD.commitment)
       OR (NEW.secret_key_id = OLD.secret_key_id
           AND (NEW.secret_nonce, NEW.secret_box) IS DISTINCT FROM (OLD.secret_nonce, OLD.secret_box))
       OR (OLD.root IS NOT NULL AND (NEW.root, NEW.frame, NEW.terms) IS DISTINCT FROM (OLD.root, OLD.frame, OLD.terms))
       OR (OLD.typed_value IS NOT NULL AND NEW.typed_value IS DISTINCT FROM OLD.typed_value)
       OR (OLD.seed IS NOT NULL AND (NEW.seed, NEW.beacon_value) IS DISTINCT FROM (OLD.seed, OLD.beacon_value))
       OR (OLD.secret IS NOT NULL AND NEW.secret IS DISTINCT FROM OLD.secret)
    THEN RAISE EXCEPTION 'campaign %: written once', OLD.number USING ERRCODE = 'restrict_violation'; END IF;
    RETURN NEW;
END $$;
"""
_ONCE = """
CREATE OR REPLACE FUNCTION control_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""


class Migration(migrations.Migration):
    """What stood under an older key can stand under the first one."""

    dependencies = [("controls", "0002_written_once")]
    operations = [migrations.RunSQL(_RESEALED, _ONCE)]

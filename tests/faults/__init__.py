"""The opening day through faults: processes killed, replies lost, and the builds that must not pass (BAT-1)."""

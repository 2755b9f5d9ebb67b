"""The room's verbs for the doors: batches with an outcome per row; repeating a `key` does nothing twice."""

from qosymsha.domain.vouchers.commands.answers import accept_vouchers, expire_vouchers, refuse_vouchers
from qosymsha.domain.vouchers.commands.ends import close_vouchers, release_vouchers, resume_vouchers, suspend_vouchers
from qosymsha.domain.vouchers.commands.money import Tally, promise_month, sweep_released
from qosymsha.domain.vouchers.commands.one_place import take_place
from qosymsha.domain.vouchers.commands.partings import PartingRun, stop_partings, take_partings
from qosymsha.domain.vouchers.commands.places import enrol
from qosymsha.domain.vouchers.commands.transfers import transfer
from qosymsha.domain.vouchers.commands.waits import TransferRun, take_transfers, withdraw_transfers

__all__ = [
    "PartingRun",
    "Tally",
    "TransferRun",
    "accept_vouchers",
    "close_vouchers",
    "enrol",
    "expire_vouchers",
    "promise_month",
    "refuse_vouchers",
    "release_vouchers",
    "resume_vouchers",
    "stop_partings",
    "suspend_vouchers",
    "sweep_released",
    "take_partings",
    "take_place",
    "take_transfers",
    "transfer",
    "withdraw_transfers",
]

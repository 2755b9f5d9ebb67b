"""Plays the demo at several sizes and prints time and peak memory in a table."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

DEFAULT_SIZES = (1000, 5000, 20000)


def played(children: int) -> dict[str, object]:
    """Play one demo in a process of its own and return its report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [Path(sys.executable).with_name("qosymsha"), "demo", "--no-serve"]
        subprocess.run(
            [*command, "--children", str(children), "--report", report], check=True, stdout=subprocess.DEVNULL
        )
        return json.loads(report.read_text(encoding="utf-8"))


def main(sizes: list[int]) -> None:
    """Print one line for each size."""
    print(f"{'children':>10} {'seconds':>9} {'ms/child':>9} {'peak MiB':>9}")
    for children in sizes:
        report = played(children)
        seconds, peak = sum(report["seconds"].values()), report["peak_rss_bytes"] / 2**20
        print(f"{children:>10} {seconds:>9.1f} {1000 * seconds / children:>9.2f} {peak:>9.0f}", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(DEFAULT_SIZES))

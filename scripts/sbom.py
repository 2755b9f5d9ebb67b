"""Writes sbom/qosymsha.cdx.json: a bill of materials (CycloneDX 1.6) from the lock files alone.

    make sbom                     the product, its build, its tests
    python scripts/sbom.py --out FILE

Parts, versions, hashes and uses come from `requirements/*.lock`; who needs whom from pip's own words in it (`# via`).
Nothing is asked of the network; the same lock gives the same bytes.
"""

import argparse
import hashlib
import json
import re
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Is it part of what runs, in CycloneDX's words.
LOCKS = {"main": "required", "build": "excluded", "dev": "excluded", "night": "excluded"}
PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\]*)?")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
VIA = re.compile(r"^\s+#\s+(?:via\s+)?(?P<by>\S.*)$")


def parts(lock: Path) -> list[dict]:
    """The parts of a lock file: name, version, hashes, by whom they are needed."""
    found: list[dict] = []
    for line in lock.read_text("utf-8").splitlines():
        pin = PIN.match(line)
        if pin:
            found.append({"name": normal(pin["name"]), "version": pin["version"], "hashes": [], "by": []})
            found[-1]["marker"] = (pin["marker"] or "").strip("; ")
        if found:
            found[-1]["hashes"] += HASH.findall(line)
            via = VIA.match(line)
            if via and via["by"] not in ("via",):
                found[-1]["by"].append(via["by"].removeprefix("via "))
    return found


def normal(name: str) -> str:
    """A name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bill() -> dict:
    """The whole document."""
    components, needs = [], {}
    for lock, scope in LOCKS.items():
        for part in parts(ROOT / "requirements" / f"{lock}.lock"):
            ref = f"pkg:pypi/{part['name']}@{part['version']}"
            if ref not in needs:
                components.append(component(ref, part, lock, scope))
            needs.setdefault(ref, set()).update(part["by"])
    by_name = {one["name"]: one["bom-ref"] for one in components}
    house = {"type": "application", "bom-ref": "qosymsha", "name": "qosymsha", "version": version()}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest())}",
        "version": 1,
        "metadata": {"component": house},
        "components": components,
        "dependencies": dependencies(needs, by_name),
    }


def component(ref: str, part: dict, lock: str, scope: str) -> dict:
    """A part as CycloneDX says it: each file's hash is one that pip would take."""
    properties = [{"name": "qosymsha:lock", "value": lock}]
    if part["marker"]:
        properties.append({"name": "qosymsha:marker", "value": part["marker"]})
    references = [
        {"type": "distribution", "url": ref, "hashes": [{"alg": "SHA-256", "content": one} for one in part["hashes"]]}
    ]
    return {
        "type": "library", "bom-ref": ref, "name": part["name"], "version": part["version"], "purl": ref,
        "scope": scope, "externalReferences": references, "properties": properties,
    }  # fmt: skip


def dependencies(needs: dict[str, set[str]], by_name: dict[str, str]) -> list[dict]:
    """Who needs whom: `# via` turned round; `-r requirements/main.in` is the application itself."""
    wanted: dict[str, set[str]] = {}
    for ref, names in needs.items():
        for name in names:
            who = "qosymsha" if name.startswith(("-r ", "-c ")) else by_name.get(normal(name.partition("[")[0]))
            if who is not None:
                wanted.setdefault(who, set()).add(ref)
    return [{"ref": ref, "dependsOn": sorted(wanted[ref])} for ref in sorted(wanted)]


def digest() -> str:
    """A hash of the locks: the bill's own number."""
    return hashlib.sha256(b"".join((ROOT / "requirements" / f"{one}.lock").read_bytes() for one in LOCKS)).hexdigest()


def version() -> str:
    """The product's version."""
    text = (ROOT / "src" / "qosymsha" / "__init__.py").read_text("utf-8")
    return re.findall(r'__version__ = "([^"]+)"', text)[0]


def main() -> int:
    """Write the bill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "sbom" / "qosymsha.cdx.json")
    target = parser.parse_args().out
    target.parent.mkdir(parents=True, exist_ok=True)
    made = bill()
    target.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"{target}: {len(made['components'])} parts")
    return 0


if __name__ == "__main__":
    sys.exit(main())

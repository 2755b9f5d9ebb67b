"""From an inventory to each node's files: `python deploy/cluster/render.py inventory.toml out/`.

Writes `<out>/<node>/{etcd.yml,patroni.yml}` and `<out>/haproxy.cfg`. The tests' cluster is rendered by the same
templates, so what is tested is what is deployed. Standard library only: an operator needs nothing else to run it.
"""

import argparse
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).parent / "templates"
PASSWORDS = ("superuser", "replication", "rewind", "patroni")
_AS_TOLD = ("network", "connections", "visitors", "shared_buffers", "watchdog", "by_certificate", "proxy_socket")
_DATABASE_FILES = ("authority", "certificate", "key")
# What anyone may look at, from a standby; all else goes to the database that leads. A test holds the table of all
# addresses against it: nothing that knows somebody may match.
_LOOKS = "clubs|points|open|accessibility|design|offline|status|rounds|controls|choice"
LOOK_PATHS = f"^/($|static/|audit/|(kk|ru|en)/($|({_LOOKS})/))"


@dataclass(frozen=True)
class Node:
    """A database node: its address and ports; several nodes of one host differ in their ports."""

    name: str
    host: str
    postgres_port: int = 5432
    patroni_port: int = 8008
    etcd_port: int = 2379
    etcd_peer_port: int = 2380


@dataclass(frozen=True)
class Application:
    """A node that serves pages: filings on `port`, what anyone may look at on `looking_port`."""

    name: str
    host: str
    port: int = 8000
    looking_port: int = 8001


@dataclass(frozen=True)
class Inventory:
    """All that differs between a laptop, a city and a nation."""

    city: str
    postgres_bin: str
    data: str
    passwords: dict[str, str]
    databases: list[Node]
    applications: list[Application] = field(default_factory=list)
    database_listen: str = "127.0.0.1:5000"
    replica_listen: str = "127.0.0.1:5001"
    pages_listen: str = "127.0.0.1:8080"
    host_name: str = "localhost"  # by which the pages know themselves: one of QOSYMSHA_HOSTS
    network: str = "10.0.0.0/8"
    connections: int = 200
    visitors: int = 20_000  # lines that haproxy holds at once; it needs twice as many open files
    shared_buffers: str = "1GB"
    sockets: str = "/run/postgresql"
    proxy_socket: str = "/run/haproxy/admin.sock"  # by which whoever is root asks haproxy, and tells it
    plain_listen: str = ""  # where visitors without TLS arrive; they are sent on, their forms refused
    inside_authority: str = ""  # who signs the certificates of the pages' servers; empty: plain HTTP to them
    inside_proxy: str = ""  # haproxy's own certificate and key, by which those servers know it
    database_tls: dict[str, str] = field(default_factory=dict)  # authority, certificate, key: files on each node
    by_certificate: list[str] = field(default_factory=lambda: ["qosymsha", "qosymsha_pages"])  # roles without password
    watchdog: str = "automatic"  # a kernel that stops a node which lost its lease; `off` where there is none


def read(path: Path) -> Inventory:
    """An inventory from its file.

    Raises:
        ValueError: something needed is missing, in words for the operator.
    """
    told = tomllib.loads(path.read_text("utf-8"))
    try:
        passwords = tomllib.loads(Path(told["passwords"]).read_text("utf-8"))
        pages = told.get("pages", {})
        inside = told.get("inside", {})
        certificate = f" ssl crt {pages['certificate']} alpn h2,http/1.1" if "certificate" in pages else ""
        found = Inventory(
            city=told["city"],
            postgres_bin=told["postgres_bin"],
            data=told["data"],
            passwords=passwords,
            databases=[Node(**row) for row in told["database"]],
            applications=[Application(**row) for row in told.get("application", [])],
            pages_listen=f"{pages.get('address', '127.0.0.1:8080')}{certificate}",
            host_name=pages.get("host", "localhost"),
            plain_listen=pages.get("plain", ""),
            inside_authority=inside.get("authority", ""),
            inside_proxy=inside.get("proxy", ""),
            database_tls=told.get("database_tls", {}),
            **{name: told[name] for name in _AS_TOLD if name in told},
        )
    except KeyError as error:
        raise ValueError(f"{path}: {error} is missing; see inventory.example.toml") from error
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from error
    return checked(found)


def checked(inventory: Inventory) -> Inventory:
    """The inventory, if a cluster can stand on it.

    Raises:
        ValueError: fewer than three database nodes, a name twice, a password that is missing.
    """
    if len(inventory.databases) < 3:
        raise ValueError("strict synchronous replication needs three database nodes: with two, one loss stops all")
    names = [node.name for node in inventory.databases] + [node.name for node in inventory.applications]
    if len(set(names)) < len(names):
        raise ValueError("a node's name stands twice")
    if missing := [name for name in PASSWORDS if not inventory.passwords.get(name)]:
        raise ValueError(f"no password for: {', '.join(missing)}")
    if (tls := inventory.database_tls) and set(tls) != set(_DATABASE_FILES):
        raise ValueError(f"database_tls needs {', '.join(_DATABASE_FILES)}, and nothing else")
    return inventory


def render(inventory: Inventory, out: Path) -> list[Path]:
    """Write every file; what stands there is replaced. Files with passwords are readable by their owner alone."""
    written = []
    for node in inventory.databases:
        values = _values(inventory) | vars(node)
        for name in ("etcd.yml", "patroni.yml"):
            written.append(_write(out / node.name / name, name, values))
    written.append(_write(out / "haproxy.cfg", "haproxy.cfg", _values(inventory)))
    return written


def _values(inventory: Inventory) -> dict[str, object]:
    nodes, pages = inventory.databases, inventory.applications
    checks = [f"    server {n.name} {n.host}:{n.postgres_port} check port {n.patroni_port}" for n in nodes]
    return {name: getattr(inventory, name) for name in inventory.__dataclass_fields__} | {
        "look_paths": LOOK_PATHS,
        "etcd_cluster": ",".join(f"{n.name}=http://{n.host}:{n.etcd_peer_port}" for n in nodes),
        "etcd_hosts": ",".join(f"{n.host}:{n.etcd_port}" for n in nodes),
        "primary_servers": "\n".join(checks),
        "replica_servers": "\n".join(checks),
        "application_servers": "\n".join(_server(inventory, n, n.port) for n in pages),
        "looking_servers": "\n".join(_server(inventory, n, n.looking_port) for n in pages),
        "plain_frontend": _PLAIN.format(inventory.plain_listen) if inventory.plain_listen else "",
        "database_tls": _database_tls(inventory.database_tls),
        "database_links": _links(inventory.database_tls),
        "database_callers": _callers(inventory),
        **{f"{name}_password": inventory.passwords[name] for name in PASSWORDS},
    }


_PLAIN = """
# A page asked for without TLS is asked for again with it; a form sent without is refused, so that it is noticed.
frontend plain
    bind {}
    mode http
    http-request redirect scheme https code 308 if {{ method GET HEAD }}
    http-request deny deny_status 403
"""


def _server(inventory: Inventory, node: Application, port: int) -> str:
    """A page server's line: inside TLS it proves by its certificate that it is the node of this name."""
    plain = f"    server {node.name} {node.host}:{port} check"
    if not inventory.inside_authority:
        return plain
    name = f"verifyhost {node.name} sni str({node.name}) check-sni {node.name}"
    own = f" crt {inventory.inside_proxy}" if inventory.inside_proxy else ""
    return f"{plain} ssl verify required ca-file {inventory.inside_authority} {name}{own}"


def _database_tls(files: dict[str, str]) -> str:
    if not files:
        return ""
    lines = ["", 'ssl: "on"', "ssl_min_protocol_version: TLSv1.2", f"ssl_ca_file: {files['authority']}"]
    lines += [f"ssl_cert_file: {files['certificate']}", f"ssl_key_file: {files['key']}"]
    return "\n    ".join(lines)


def _links(files: dict[str, str]) -> str:
    """How a node speaks to another: it looks who that is."""
    return f", sslmode: verify-full, sslrootcert: {files['authority']}" if files else ""


def _callers(inventory: Inventory) -> str:
    """Who may come from other machines: roles of `by_certificate` by nothing else, the rest by password; all in TLS."""
    kind = "hostssl" if inventory.database_tls else "host"
    lines = [f"{kind} replication replicator {inventory.network} scram-sha-256"]
    if inventory.database_tls and inventory.by_certificate:
        lines.append(f"hostssl all {','.join(inventory.by_certificate)} {inventory.network} cert")
    lines.append(f"{kind} all all {inventory.network} scram-sha-256")
    return "\n".join(f"    - {line}" for line in lines)


def _write(path: Path, template: str, values: dict[str, object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Template((TEMPLATES / template).read_text("utf-8")).substitute(values), "utf-8")
    path.chmod(0o600)
    return path


def main() -> int:
    """Render, and say what was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inventory", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    try:
        for path in render(read(asked.inventory), asked.out):
            print(path)
    except (OSError, ValueError) as error:
        print(f"render: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

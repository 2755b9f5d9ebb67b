#!/bin/sh
# Makes .venv from the hashed lock files and installs the project into it; does nothing when it is up to date.
# Uses pip as the user has set it up. PYTHON chooses the interpreter, ALLOW_NO_BROWSER=1 leaves out the browser.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 3; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed; found $(${PYTHON:-python3} --version 2>&1 | head -n 1). Install one, or name it: make setup PYTHON=/path/to/python3.11"
}

make_venv() {
    python=$(find_python) || exit 3
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || {
        rm -rf .venv
        fail "$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    }
}

install_browser() {
    [ "${ALLOW_NO_BROWSER:-}" = 1 ] && return
    .venv/bin/python tests/browser.py >/dev/null && return
    if [ "$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release && command -v apt-get >/dev/null; then
        say "no browser found: installing Debian's chromium"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update -q && apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core; } >.venv/browser.log 2>&1 ||
            say "warning: chromium could not be installed (see .venv/browser.log)"
    fi
    .venv/bin/python tests/browser.py >/dev/null ||
        say "warning: no browser, so the journeys will not run. Install chromium or set QOSYMSHA_BROWSER."
}

# What .venv depends on, its own place included: a copied clone must not run the code of the first.
state="$(pwd) $(cat requirements/*.lock requirements/main.in pyproject.toml scripts/setup.sh src/qosymsha/__init__.py | cksum)"
[ "$(cat .venv/setup.stamp 2>/dev/null || true)" = "$state" ] && exit 0

grep -qsF "$(pwd)/.venv" .venv/bin/pip && .venv/bin/python -c '' 2>/dev/null || make_venv
rm -f .venv/setup.stamp
say "installing the pinned packages (about a minute the first time)"
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes \
    -r requirements/build.lock -r requirements/main.lock -r requirements/dev.lock ||
    fail "the pinned packages could not be installed: see pip's message above; pip uses your own configuration"
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e . ||
    fail "the project could not be installed into .venv: see pip's message above"
install_browser
printf '%s\n' "$state" >.venv/setup.stamp
say "done: .venv/bin/qosymsha"

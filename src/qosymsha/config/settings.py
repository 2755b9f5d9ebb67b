"""Django settings, read from the environment.

Four modes (docs/decisions/0017-modes.md): `trial` (the default: a laptop, fakes for outside systems, synthetic people
allowed), `demo` and `test` (the clock and randomness may be played), `production` (asked for by name; brings its keys).
"""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

from qosymsha.runtime.address import django_database
from qosymsha.runtime.places import places_of
from qosymsha.runtime.secrets import secret

MODE = os.environ.get("QOSYMSHA_MODE", "trial")  # trial | demo | test | production
DEMO = MODE in ("demo", "test")
PRODUCTION = MODE == "production"
DEBUG = False


def _demo_key(name: str) -> bytes:
    """A fixed key for demo and tests; production must bring its own (checked by `doctor` and at start)."""
    return hashlib.sha256(f"qosymsha demo {name}".encode()).digest()


def _keys(variable: str) -> dict[str, bytes]:
    """`id:hex,id:hex` → keys in order; the first encrypts."""
    text = secret(variable)
    return {k: bytes.fromhex(v) for k, _, v in (part.partition(":") for part in text.split(",") if part)}


def _ages(variable: str, default: str) -> tuple[int, int] | None:
    """`14-18` → from the 14th birthday until the 18th; `off` → None.

    Raises:
        ValueError: it is neither, or reaches past childhood.
    """
    text = os.environ.get(variable, "").strip() or default
    if text == "off":
        return None
    first, _, end = text.partition("-")
    if not (text.isascii() and first.isdigit() and end.isdigit() and 0 < int(first) < int(end) <= 18):
        raise ValueError(f"{variable}: write two ages up to 18, such as 14-18, or off; not {text!r}")
    return int(first), int(end)


SECRET_KEY = secret("QOSYMSHA_SECRET_KEY") or ("" if PRODUCTION else _demo_key("session").hex())
SECRET_KEYS = _keys("QOSYMSHA_SECRET_KEYS") or ({} if PRODUCTION else {"demo": _demo_key("secrets")})
LOOKUP_KEY = bytes.fromhex(secret("QOSYMSHA_LOOKUP_KEY")) or (b"" if PRODUCTION else _demo_key("lookup"))
if not SECRET_KEY:
    SECRET_KEY = os.urandom(32).hex()  # sessions end with the process; `doctor` says what to set
SYNTHETIC_PEOPLE_ALLOWED = not PRODUCTION
ALLOWED_HOSTS = os.environ.get("QOSYMSHA_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

PUBLISHED = os.environ.get("QOSYMSHA_PUBLISHED", "")  # folder of published rounds; empty: in the state folder
# The demo's traces stand apart: it drops its database, and an old trace would call that a loss.
_TRACES = places_of().state / "demo" if MODE == "demo" else places_of().state
# One line per signed-in request, apart from the database (decision 0038); tests say themselves where.
REQUEST_LOG = os.environ.get("QOSYMSHA_REQUEST_LOG", "" if MODE == "test" else str(_TRACES / "requests"))
PUBLIC_ADDRESS = os.environ.get("QOSYMSHA_ADDRESS", "").rstrip("/")  # of the pages, as papers name it: https://…
# Checkpoints of the audit's chain (decision 0038): a folder outside the database, best on another machine, and a key.
CHECKPOINTS = os.environ.get("QOSYMSHA_CHECKPOINTS") or (
    "" if MODE == "test" else str((Path(PUBLISHED) if PUBLISHED else _TRACES / "published") / "checkpoints")
)
CHECKPOINTS_OF_ONE_CHAIN = PRODUCTION
CHECKPOINT_ORIGIN = (PUBLIC_ADDRESS.partition("://")[2] or "qosymsha") + "/audit"
CHECKPOINT_KEY = bytes.fromhex(secret("QOSYMSHA_CHECKPOINT_KEY")) or (b"" if PRODUCTION else _demo_key("checkpoint"))

# Signs payment files, and nothing else (decision 0058).
PAYMENT_KEY = bytes.fromhex(secret("QOSYMSHA_PAYMENT_KEY")) or (b"" if PRODUCTION else _demo_key("payments"))

# A server of public pages alone, on a standby: nothing is signed in, filed or decided there (decision 0056).
LOOKS_ONLY = os.environ.get("QOSYMSHA_LOOKS") == "1"
# QOSYMSHA_POOL is set by `serve` for its page servers alone (decision 0036).
DATABASES = {
    "default": django_database(
        os.environ.get("DATABASE_URL", "postgresql:///qosymsha"),
        pool=int(os.environ.get("QOSYMSHA_POOL", "0")),
        is_read_only=LOOKS_ONLY,
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "people.User"

ROOMS = [
    "qosymsha.kernel",
    "qosymsha.domain.ledger",
    "qosymsha.domain.witness",
    "qosymsha.domain.people",
    "qosymsha.domain.factors",
    "qosymsha.domain.errands",
    "qosymsha.domain.programmes",
    "qosymsha.domain.documents",
    "qosymsha.domain.assistance",
    "qosymsha.domain.providers",
    "qosymsha.domain.vouchers",
    "qosymsha.domain.agreements",
    "qosymsha.domain.attendance",
    "qosymsha.domain.trials",
    "qosymsha.domain.flags",
    "qosymsha.domain.settlement",
    "qosymsha.domain.choice",
    "qosymsha.domain.admission",
    "qosymsha.domain.intake",
    "qosymsha.domain.controls",
    "qosymsha.domain.enquiries",
    "qosymsha.domain.casework",
    "qosymsha.domain.messages",
    "qosymsha.domain.erasure",
    "qosymsha.domain.insights",
    "qosymsha.domain.figures",
]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    *ROOMS,
    "qosymsha.interfaces.ui",
    "qosymsha.interfaces.public",
    "qosymsha.interfaces.signin",
    "qosymsha.interfaces.family",
    "qosymsha.interfaces.provider",
    "qosymsha.interfaces.office",
]
MIDDLEWARE = [
    "qosymsha.interfaces.ui.journal.journaled",
    "qosymsha.interfaces.ui.build.stamped",
    "qosymsha.interfaces.ui.headers.hardened",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "qosymsha.interfaces.ui.letters.readable",
]
if LOOKS_ONLY:
    MIDDLEWARE.append("qosymsha.interfaces.ui.looks.LooksOnly")
ROOT_URLCONF = "qosymsha.config.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
SOURCE = Path(__file__).resolve().parents[1]
STATIC_URL = "static/"
STATICFILES_DIRS: list[Path] = []
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site reads our files

LANGUAGE_CODE = "kk"
LANGUAGES = [("kk", "Қазақша"), ("ru", "Русский"), ("en", "English")]
LOCALE_PATHS = [SOURCE / "interfaces" / "ui" / "locale"]
FORMAT_MODULE_PATH = ["qosymsha.interfaces.ui.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Almaty"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "object-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
FILE_UPLOAD_HANDLERS = ["qosymsha.interfaces.ui.uploads.BoundedUpload"]  # memory only, bounded: no file on the disk
DATA_UPLOAD_MAX_NUMBER_FILES = 5
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "qosymsha.interfaces.ui.sessions"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # Strict would lose the way back from the identity provider
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = ("__Host-visit", "__Host-csrf") if PRODUCTION else ("visit", "csrf")
CSRF_TRUSTED_ORIGINS = [PUBLIC_ADDRESS] if PUBLIC_ADDRESS else []  # behind a proxy the host is seen, its TLS is not
CSRF_FAILURE_VIEW = "qosymsha.interfaces.signin.views.not_our_form"

# A visit's length and idleness (NIST 800-63B, AAL2: 24 h and 1 h at most), and how long a second factor counts.
VISIT_LENGTH = timedelta(hours=float(os.environ.get("QOSYMSHA_VISIT_HOURS", "12")))
VISIT_IDLE = timedelta(minutes=float(os.environ.get("QOSYMSHA_VISIT_IDLE_MINUTES", "60")))
SESSION_COOKIE_AGE = int(VISIT_LENGTH.total_seconds())
# The journal (docs/security/logging.md): JSON lines on the error stream, or what Django says by itself.
JOURNAL = os.environ.get("QOSYMSHA_JOURNAL", "json" if PRODUCTION else "plain")
TRACE_SQL = MODE != "test" and os.environ.get("QOSYMSHA_TRACE_SQL", "1") != "0"
METERS = os.environ.get("QOSYMSHA_METERS", "" if MODE == "test" else str(places_of().state / "meters"))
LOGGING: dict[str, object] = {}
if JOURNAL == "json":
    LOGGING = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "qosymsha.interfaces.ui.journal.JsonLines"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["out"], "level": "WARNING"},
        "loggers": {
            "qosymsha.interfaces.ui.journal": {"level": "INFO"},
            "django": {"handlers": [], "level": "WARNING"},
            "django.request": {"level": "ERROR"},  # what is refused stands in the journal's own line
        },
    }
# How long a process keeps what seldom changes (a public page's menus): tests look at what is there now.
KEPT_SECONDS = float(os.environ.get("QOSYMSHA_KEPT_SECONDS", "0" if MODE == "test" else "30"))
STEP_UP_MINUTES = int(os.environ.get("QOSYMSHA_STEP_UP_MINUTES", "10"))
# Of whom a second factor is asked at sign-in, where the provider did not state two: "everybody" or "staff" alone.
TWO_FACTORS = os.environ.get("QOSYMSHA_TWO_FACTORS", "everybody" if PRODUCTION else "staff")
# From which birthday until which a child may have an account of its own; "off": no child has one. An assumption.
YOUTH_AGES = _ages("QOSYMSHA_YOUTH_AGES", "14-18")
# An app's code lives its half minute; "1" lets that of the half minute before count too (a slow hand, a slow clock).
APP_CODE_BEFORE = os.environ.get("QOSYMSHA_APP_CODE_BEFORE", "") == "1"
# The shortest RSA key believed in tokens, signatures and passkeys: 3072 bits have the strength of 128 (2048: 112).
RSA_BITS = max(2048, int(os.environ.get("QOSYMSHA_RSA_BITS", "3072")))

# Where a trial's fake treasury remembers what it was sent; demo and tests keep that in memory.
_OF_DATABASE = hashlib.sha256(os.environ.get("DATABASE_URL", "").encode()).hexdigest()[:8]
TREASURY_FOLDER = str(places_of().state / f"treasury-{_OF_DATABASE}") if MODE == "trial" else ""

# Notices: the installation's own dated rules (a file; empty: the product's), where a trial's e-mails are put down.
NOTICE_RULES = os.environ.get("QOSYMSHA_NOTICE_RULES", "")
# Periods of retention that differ from the product's (a file; empty: none does); decision 0064.
RETENTION = os.environ.get("QOSYMSHA_RETENTION", "")
MAIL_FOLDER = str(places_of().state / f"mail-{_OF_DATABASE}") if MODE in ("trial", "demo") else ""

# Adapters by port; a door or a job asks `kernel.adapters` for them by name.
_FAKES = {
    "registry": "qosymsha.integrations.registries.fake:FakeRegistry",
    "beacon": "qosymsha.integrations.beacon.fake:FakeBeacon",
    "treasury": "qosymsha.integrations.treasury.fake:FakeTreasury",
    "signing": "qosymsha.integrations.signing.demo:DemoSigning",
    "codes": "qosymsha.integrations.codes.fake:FakeCodeSender",
    "sms": "qosymsha.integrations.messages.fake:FakeSms",
    "email": "qosymsha.integrations.messages.fake:FakeMail",
    "scanner": "",  # without one papers are not scanned; `doctor` says so in production
    "identity": "",  # in a trial demo people stand in for it; tests run a provider
}
ADAPTERS = {
    port: os.environ.get(f"QOSYMSHA_{port.upper()}", "" if PRODUCTION else fake) for port, fake in _FAKES.items()
}

"""The one settings file. Everything that differs between installations comes from the environment.

Mistakes are reported by `leadqual_site/checks.py` before anything starts.
"""

from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.templatetags.static import static

from leadqual_site import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- what this installation is ---------------------------------------------------------------

# Without DATABASE_URL the embedded servers are used: a development or demo installation.
IS_EMBEDDED = not env.secret("DATABASE_URL")
DEBUG = env.boolean("DEBUG", default=False)
DEVELOPMENT_SECRET_KEY = "development-only-never-used-with-a-database-of-your-own"  # noqa: S105  # nosec
SECRET_KEY = env.secret("SECRET_KEY", default="") or (DEVELOPMENT_SECRET_KEY if IS_EMBEDDED else "")
# Erased people who asked not to be contacted are recognised by hashes under this key; one of its
# own lets SECRET_KEY change.
IDENTITY_HASH_KEY = env.secret("IDENTITY_HASH_KEY", default="") or SECRET_KEY
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = env.boolean("HTTPS", default=not IS_EMBEDDED)
# How many proxies in front of us set X-Forwarded-For; 0 = the header is ignored.
PROXY_COUNT = env.integer("PROXY_COUNT", default=0)

ROOT_URLCONF = "leadqual_site.urls"
WSGI_APPLICATION = "leadqual_site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "crm.User"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "leadqual_site.apps.SiteConfig",
    "crm.apps.CrmConfig",
    "qualification.apps.QualificationConfig",
    "leadqual_site.admin_site.LeadQualAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django_filters",
    "django_htmx",
    "django_rq",
    "pgtrigger",
    "pghistory",
    "axes",
    "csp",
    "lucide",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "qualification.middleware.DenyByDefault",
    "qualification.middleware.ReaderTimeZone",
    "qualification.middleware.DomainErrors",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "qualification.context.shell",
            ],
        },
    },
]

# --- PostgreSQL: the truth, the queue and the clock --------------------------------------------

DATABASES = {
    "default": dj_database_url.parse(
        env.database_url(), conn_max_age=env.integer("CONN_MAX_AGE", default=60)
    )
}
# Of a statement; 0 is without end. The web process sets it (wsgi.py): jobs and commands take their
# time.
STATEMENT_SECONDS = env.integer("STATEMENT_SECONDS", default=0)
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    # A web request waits for a row lock at most this long, then answers that somebody is faster.
    "options": "-c lock_timeout=3s -c idle_in_transaction_session_timeout=60s -c jit=off"
    f" -c statement_timeout={STATEMENT_SECONDS}s",
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
PGTRIGGER_MIGRATIONS = True
# History rows are stamped by the same clock the demo shifts; see crm/migrations.
PGHISTORY_CREATED_AT_FUNCTION = "crm_now()"
PGHISTORY_APPEND_ONLY = True
# Reading writes no history, and who reads need not be told with every statement.
PGHISTORY_MIDDLEWARE_METHODS = ("POST", "PUT", "PATCH", "DELETE")

# --- Redis only rings the bell -----------------------------------------------------------------

REDIS_URL = env.redis_url()
RQ_QUEUES = {
    name: {
        "URL": REDIS_URL,
        "DEFAULT_TIMEOUT": 900,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "REDIS_CLIENT_KWARGS": {"socket_connect_timeout": 1, "socket_timeout": 480},
    }
    for name in ("default", "bulk")
}
RQ = {"COMMIT_MODE": "auto"}

# --- people and their sessions -----------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "crm.log_in.PersonBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Shows the demo's log-ins on the log-in page; never on by itself where the database is your own.
SHOW_DEMO_LOGINS = env.boolean("SHOW_DEMO_LOGINS", default=IS_EMBEDDED)
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "qualification:home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_IPWARE_PROXY_COUNT = PROXY_COUNT or None
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
# Packages' own admin pages ask for Django's per-model permissions, which we do not use.
AXES_ENABLE_ADMIN = False
RQ_SHOW_ADMIN_LINK = False
AXES_LOCKOUT_TEMPLATE = "locked_out.html"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_FAILURE_VIEW = "qualification.views.errors.csrf_failure"

# --- transport ---------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXY_COUNT else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

# --- language, time, files ---------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_TZ = True
FORMAT_MODULE_PATH = ["leadqual_site.formats"]
TIME_ZONE = env.string("TIME_ZONE", "UTC")
# Off: served from where they stand, no collectstatic needed (tests, DEBUG).
HASHED_STATIC_FILES = env.boolean("HASHED_STATIC_FILES", default=not DEBUG)
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = not HASHED_STATIC_FILES
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if HASHED_STATIC_FILES
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- mail and logs -----------------------------------------------------------------------------

# A demo tells nobody; everywhere else mail leaves by SMTP.
EMAIL_BACKEND = env.string(
    "EMAIL_BACKEND",
    f"django.core.mail.backends.{'dummy' if IS_EMBEDDED else 'smtp'}.EmailBackend",
)
EMAIL_HOST = env.string("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.string("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.secret("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 15
# Where people reach this installation, such as https://leads.example.com; messages that leave have
# no links without it.
PUBLIC_URL = env.string("PUBLIC_URL", "")
# Chat tools on this very machine, also by http: for development and tests.
WEBHOOKS_TO_LOOPBACK = env.boolean("WEBHOOKS_TO_LOOPBACK", default=DEBUG)
DEFAULT_FROM_EMAIL = env.string("DEFAULT_FROM_EMAIL", "leadqual@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.string("LOG_LEVEL", "INFO")},
    "loggers": {
        # Each log-in writes four lines of housekeeping otherwise.
        "axes": {"level": "WARNING"},
        # It logs addresses; that of a chat tool is a secret.
        "httpx": {"level": "WARNING"},
    },
}

# --- LeadQual: policy figures an operator may set ----------------------------------------------

# Good hours to call, on the lead's own clock.
CONTACT_WINDOWS = env.string("CONTACT_WINDOWS", default="8-10, 16-17")
# Activities that are an answer: whoever follows up in steps now talks instead.
ANSWER_ACTIVITIES = env.listing(
    "ANSWER_ACTIVITIES", default=["mail_reply", "email_reply", "meeting_booked"]
)
# Whether a lead in the tier hot is rejected by a manager whom somebody else asked.
HOT_REJECTS_NEED_TWO = env.boolean("HOT_REJECTS_NEED_TWO", default=False)
# Days after which goes what nobody needs any more; 0: never (qualification/personal/retention.py).
KEEP_DAYS = {
    "READ_NOTICES": env.integer("KEEP_READ_NOTICES_DAYS", default=180),
    "SENT_MESSAGES": env.integer("KEEP_SENT_MESSAGES_DAYS", default=180),
    "MESSAGE_BODIES": env.integer("KEEP_MESSAGE_BODIES_DAYS", default=365),
}
LEADQUAL = {
    # A claim is a lease of this many minutes; DOMAIN "Claim".
    "CLAIM_MINUTES": env.integer("CLAIM_MINUTES", default=30),
    "CLAIM_LIMIT": env.integer("CLAIM_LIMIT", default=5),
    "UNDO_SECONDS": env.integer("UNDO_SECONDS", default=30),
    "MERGE_UNDO_DAYS": env.integer("MERGE_UNDO_DAYS", default=30),
    # A partner's link to a handoff opens for so long.
    "PARTNER_LINK_DAYS": env.integer("PARTNER_LINK_DAYS", default=14),
    "NURTURE_DAYS": env.integer("NURTURE_DAYS", default=180),
    "MIN_ATTEMPTS": env.integer("MIN_ATTEMPTS", default=5),
    # Own calls before the good hours to call come from them instead of CONTACT_WINDOWS.
    "CONTACT_MIN_CALLS": env.integer("CONTACT_MIN_CALLS", default=200),
    # No proposal under this many counted decisions, nor for a rule that fired less often.
    "EVIDENCE_MIN_DECISIONS": env.integer("EVIDENCE_MIN_DECISIONS", default=50),
    "EVIDENCE_MIN_FIRINGS": env.integer("EVIDENCE_MIN_FIRINGS", default=10),
    # A version is published after a shadow of this many new leads or this many hours.
    "SHADOW_MIN_LEADS": env.integer("SHADOW_MIN_LEADS", default=200),
    "SHADOW_MIN_HOURS": env.integer("SHADOW_MIN_HOURS", default=24),
    # Interest decays without an event: everything is scored again this often, and an open lead
    # whose score is older than the second figure is an alert.
    "RESCORE_EVERY_HOURS": env.integer("RESCORE_EVERY_HOURS", default=6),
    "SCORE_MAX_AGE_HOURS": env.integer("SCORE_MAX_AGE_HOURS", default=24),
    # From so many leads on, figures over all of them are counted aside, not as a page is asked for.
    "COUNT_ASIDE_FROM": env.integer("COUNT_ASIDE_FROM", default=50_000),
    # Practice shows decisions that are at least this old, so that there is something to learn.
    "PRACTICE_MIN_DAYS": env.integer("PRACTICE_MIN_DAYS", default=14),
}

# --- admin theme -------------------------------------------------------------------------------

# The accent of static/css/tokens.css in the theme's steps: 600 fills and inks on white, 500 inks on
# dark.
UNFOLD = {
    "SITE_TITLE": "LeadQual",
    "SITE_HEADER": "LeadQual",
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("img/favicon.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("img/favicon.svg"),
        }
    ],
    "STYLES": [lambda request: static("admin/leadqual/frame.css")],
    "SHOW_HISTORY": True,
    "SIDEBAR": {"navigation": "qualification.admin_topics.navigation"},
    "COLORS": {
        "primary": {
            "50": "#f5f5fe",
            "100": "#ecedfc",
            "200": "#d9dbfa",
            "300": "#c0c3fb",
            "400": "#a6aaff",
            "500": "#8f93f5",
            "600": "#4649c8",
            "700": "#3a3db3",
            "800": "#2f3191",
            "900": "#272a73",
            "950": "#22244a",
        }
    },
}

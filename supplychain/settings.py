"""Django's settings. Everything that differs between two installations comes from the environment."""

import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent


def _flag(name: str, default: str = "0") -> bool:
    return os.environ.get(name, default).strip().lower() in {"1", "true", "yes", "on"}


# --- state -----------------------------------------------------------------------------------------------------------
WAYLOG_DATA = Path(os.environ.get("WAYLOG_DATA", BASE_DIR / ".waylog")).resolve()
WAYLOG_SECRETS = Path(os.environ.get("WAYLOG_SECRETS", WAYLOG_DATA / "secrets")).resolve()
WAYLOG_HOST = os.environ.get("WAYLOG_HOST", "localhost")
WAYLOG_PORT = int(os.environ.get("WAYLOG_PORT", "8000"))
WAYLOG_TLS = bool(os.environ.get("WAYLOG_TLS_CERT"))
WAYLOG_BEHIND_PROXY = _flag("WAYLOG_BEHIND_PROXY")
WAYLOG_DEMO = _flag("WAYLOG_DEMO", "1")
WAYLOG_PUBLIC_ENTRIES = _flag("WAYLOG_PUBLIC_ENTRIES")
WAYLOG_CHECKPOINT_FILE = Path(os.environ.get("WAYLOG_CHECKPOINT_FILE", WAYLOG_DATA / "checkpoint"))
"""Where the newest signed checkpoint is kept outside the database; the log's own digits are added to the name."""
WAYLOG_MIN_FREE_PERCENT = float(os.environ.get("WAYLOG_MIN_FREE_PERCENT", "10"))
"""Nothing is appended while less of the disk is free."""
WAYLOG_WITNESSES = os.environ.get("WAYLOG_WITNESSES", "")
"""Who is asked each minute to cosign the log's checkpoint: lines (or parts between ;) of `<vkey> <url>`."""
WAYLOG_WITNESS_QUORUM = int(os.environ.get("WAYLOG_WITNESS_QUORUM", "0"))
"""How many must have cosigned a checkpoint before it is published; with 0 the newest is at once."""
WAYLOG_POLICY = os.environ.get("WAYLOG_POLICY", "")
"""In place of these two: a policy file (C2SP tlog-policy) whose witnesses are asked at the addresses that it gives."""
# Days after which a device's key ends (0: never), how long before its end managers are told, and how long the other
# parties of a closed shipment are told of an erasure before it can be approved.
WAYLOG_DEVICE_KEY_DAYS = int(os.environ.get("WAYLOG_DEVICE_KEY_DAYS", "90"))
WAYLOG_KEY_REMINDER_DAYS = int(os.environ.get("WAYLOG_KEY_REMINDER_DAYS", "14"))
WAYLOG_FORECAST_DAYS = int(os.environ.get("WAYLOG_FORECAST_DAYS", "400"))
WAYLOG_ERASURE_NOTICE_DAYS = int(os.environ.get("WAYLOG_ERASURE_NOTICE_DAYS", "7"))
WAYLOG_PUBLISH_SECONDS = float(os.environ.get("WAYLOG_PUBLISH_SECONDS", "5"))
"""How long an answer of the API waits for the quorum, where there is one, before it says *appended*."""
WAYLOG_SECURE = WAYLOG_TLS or WAYLOG_BEHIND_PROXY
WAYLOG_URL = os.environ.get(
    "WAYLOG_URL", f"{'https' if WAYLOG_SECURE else 'http'}://{WAYLOG_HOST}:{WAYLOG_PORT}"
).rstrip("/")


def _secret_key() -> str:
    """The key that signs sessions: from the environment, else made once in the secrets folder."""
    if given := os.environ.get("WAYLOG_SECRET_KEY"):
        return given
    from ledger.secretfiles import read_or_make  # not at the top: manage.py commands without a data folder

    return read_or_make(WAYLOG_SECRETS / "session.key").hex()


SECRET_KEY = _secret_key()
DEBUG = _flag("WAYLOG_DEBUG")
ALLOWED_HOSTS = sorted(
    {WAYLOG_HOST, "localhost", "127.0.0.1", "[::1]", *os.environ.get("WAYLOG_ALLOWED_HOSTS", "").split()}
)
INTERNAL_IPS = ["127.0.0.1"]

# --- rooms -----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "leaflet",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "rest_framework",
    "ledger",
    "forecasting",
    "supplychain",
]
MIDDLEWARE = [
    "supplychain.web.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "supplychain.middleware.TenancyMiddleware",
]
ROOT_URLCONF = "supplychain.urls"
WSGI_APPLICATION = "supplychain.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "supplychain" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "supplychain.web.context.shell",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- PostgreSQL: two roles, one database -----------------------------------------------------------------------------
# `default` is the application's role; `owner` owns the tables and migrates. One address alone: not split.
DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql:///waylog")
DATABASE_OWNER_URL = os.environ.get("DATABASE_OWNER_URL", "")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)}
DATABASES["default"].setdefault("OPTIONS", {})["application_name"] = "waylog"
if DATABASE_OWNER_URL:
    DATABASES["owner"] = dj_database_url.parse(DATABASE_OWNER_URL, conn_max_age=0)
    DATABASES["owner"]["TEST"] = {"MIRROR": "default"}
DATABASE_ROUTERS: list[str] = []

# --- Valkey / Redis --------------------------------------------------------------------------------------------------
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
CACHES = {"default": {"BACKEND": "supplychain.cache.Cache", "LOCATION": REDIS_URL, "KEY_PREFIX": "waylog"}}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# --- Celery: a doorbell; jobs live in PostgreSQL ----------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = int(os.environ.get("WAYLOG_WORKER_CONCURRENCY", "1"))
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT = 3000
CELERY_TASK_SOFT_TIME_LIMIT = 2940
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(WAYLOG_DATA / "beat-schedule")

# --- people ----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "supplychain.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "supplychain.api.clientsecrets.SecretHasher",  # random client secrets only: see OAUTH2_PROVIDER
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "supplychain.web.accounts.AccountAdapter"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_PREVENT_ENUMERATION = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
EMAIL_BACKEND = os.environ.get("WAYLOG_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False
CSRF_TRUSTED_ORIGINS = [WAYLOG_URL] if WAYLOG_SECURE else []
if WAYLOG_SECURE:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_SSL_REDIRECT = True
if WAYLOG_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- the interfaces --------------------------------------------------------------------------------------------------
WAYLOG_API_RATE = int(os.environ.get("WAYLOG_API_RATE", "60000"))  # requests a minute, for each client
WAYLOG_STREAM_PORT = int(os.environ.get("WAYLOG_STREAM_PORT") or WAYLOG_PORT + 1)
"""Where streams are served over WebSocket, by a process of its own."""
WAYLOG_STREAM_URL = (
    os.environ.get("WAYLOG_STREAM_URL")
    or (
        f"wss://{WAYLOG_HOST}"
        if WAYLOG_BEHIND_PROXY
        else f"{'wss' if WAYLOG_TLS else 'ws'}://{WAYLOG_HOST}:{WAYLOG_STREAM_PORT}"
    )
).rstrip("/")
"""Where clients reach them; behind a proxy it is the address of everything else, and the proxy tells them apart."""
WAYLOG_WEBHOOK_ALLOW = os.environ.get("WAYLOG_WEBHOOK_ALLOW", "").replace(",", " ").split()
"""Origins that webhooks may go to though they are not https or not public, such as http://127.0.0.1:9000."""
WAYLOG_METRICS_TOKEN = os.environ.get("WAYLOG_METRICS_TOKEN", "")  # who shows it may read /metrics
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
OAUTH2_PROVIDER_APPLICATION_MODEL = "supplychain.ApiClient"
OAUTH2_PROVIDER = {
    "SCOPES": {
        "events:write": "Capture signed events",
        "events:read": "Read events",
        "shipments:read": "Read shipments, their chains and proofs",
        "forecasts:read": "Read forecasts",
        "forecasts:write": "Enter promotions, stockouts and overrides",
        "keys:write": "Register and revoke keys",
        "party:manage": "Manage people, programs and waiting keys, as a manager does",
        "epcis:capture": "Capture EPCIS documents, signed by the party's managed key",
        "epcis:query": "Query EPCIS events",
    },
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # client credentials and revocation, no more
    "OAUTH2_VALIDATOR_CLASS": "supplychain.api.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "supplychain.api.oauth.GrantedScopes",
    "CLIENT_SECRET_GENERATOR_CLASS": "supplychain.api.clientsecrets.SecretGenerator",
    "CLIENT_SECRET_HASHER": "sha256_random",
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "PKCE_REQUIRED": True,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["supplychain.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["supplychain.api.permissions.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["supplychain.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "supplychain.api.errors.problem",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Waylog",
    "VERSION": "1",
    "DESCRIPTION": "Signed custody events in one tamper-evident log, and what follows from them.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": ["supplychain.api.schema.complete"],
}

# --- text, time, files -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("WAYLOG_STATIC", WAYLOG_DATA / "static"))
STATICFILES_DIRS = [BASE_DIR / "supplychain" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("WAYLOG_LOG_LEVEL", "WARNING")},
}

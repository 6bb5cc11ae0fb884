"""Django's settings, made from the operator's variables (variables.py), which have the same names here."""

from datetime import timedelta
from functools import partial

from csp.constants import NONCE, SELF

from lifeos_project.connections.broker_settings import broker_settings
from lifeos_project.connections.cache_settings import cache_settings
from lifeos_project.connections.logins import as_user
from lifeos_project.console.theme import UNFOLD as UNFOLD
from lifeos_project.local import embedded_postgres
from lifeos_project.logging import configure_structlog, logging_settings
from lifeos_project.postgresql.database_settings import database_settings
from lifeos_project.variables import *

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "lifeos_project.console.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_prometheus",
    "csp",
    "axes",
    "django_dramatiq",
    "identity",
    "platform_outbox",
    "platform_outbox.apps.OperationsConfig",
    "finance",
    "insights",
    "lifeos_project",
    "lifeos_project.backups",
]

MIDDLEWARE = [
    "lifeos_project.middleware.headers.PrivateAnswersMiddleware",
    "lifeos_project.monitoring.metrics.RequestMetricsMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "lifeos_project.logging.RequestLogMiddleware",
    "lifeos_project.middleware.probes.MachinePagesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "lifeos_project.middleware.headers.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "identity.origin.OriginMiddleware",
    "identity.middleware.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "lifeos_project.middleware.forms.FormAddressMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "lifeos_project.urls"
WSGI_APPLICATION = "lifeos_project.wsgi.application"

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
                "lifeos_project.console.context_processors.shell",
            ],
        },
    },
]

FORM_RENDERER = "lifeos_project.console.select_lists.Renderer"

_database_settings = partial(
    database_settings,
    password=POSTGRES_PASSWORD,
    password_file=POSTGRES_PASSWORD_FILE,
    embedded_directory=VAR_DIR / ("postgres-test" if TESTING else "postgres"),
    durable=not TESTING,
    conn_max_age=DATABASE_CONN_MAX_AGE,
    pool_size=DATABASE_POOL_SIZE,
    # Tests make and break everything.
    embedded_user=embedded_postgres.USER if TESTING else embedded_postgres.SERVING_USER,
)
_DIRECT_VARIABLE = "DATABASE_DIRECT_URL" if DATABASE_DIRECT_URL else "DATABASE_URL"
DATABASES = {
    "default": _database_settings(
        url=TEST_DATABASE_URL if TESTING else DATABASE_DIRECT_URL or DATABASE_URL,
        variable="TEST_DATABASE_URL" if TESTING else _DIRECT_VARIABLE,
        prepared_statements=DATABASE_PREPARED_STATEMENTS or bool(DATABASE_DIRECT_URL),
    )
}
# As which role "default" serves the application, also while a command takes that of the owner (ownership.py).
SERVING_DATABASE = dict(DATABASES["default"])
_OWNER_URL = DATABASE_OWNER_URL or (
    as_user(DATABASE_DIRECT_URL or DATABASE_URL, user="lifeos") if POSTGRES_OWNER_PASSWORD else ""
)
# The role that migrates; None where the one that serves does that too.
OWNER_DATABASE = (
    _database_settings(
        url=_OWNER_URL,
        variable="DATABASE_OWNER_URL" if DATABASE_OWNER_URL else _DIRECT_VARIABLE,
        password=POSTGRES_OWNER_PASSWORD,
        password_file="",
        prepared_statements=True,
        pool_size=0,
        embedded_user=embedded_postgres.USER,
    )
    if not TESTING and (_OWNER_URL or not DATABASE_URL)
    else None
)
if DATABASE_REPLICA_URL:
    DATABASES["replica"] = _database_settings(
        url=DATABASE_REPLICA_URL,
        variable="DATABASE_REPLICA_URL",
        prepared_statements=DATABASE_PREPARED_STATEMENTS or bool(DATABASE_DIRECT_URL),
        patience=2,
    )
    DATABASE_ROUTERS = ["finance.replica.ReplicaRouter"]
# What web processes put in the place of "default" (pooling.py); None without a pool.
SHARED_DATABASE = (
    _database_settings(
        url=DATABASE_URL, variable="DATABASE_URL", prepared_statements=DATABASE_PREPARED_STATEMENTS, shared=True
    )
    if DATABASE_URL and DATABASE_DIRECT_URL
    else None
)

_caching = cache_settings(redis_url=REDIS_URL)
CACHES = _caching["CACHES"]
SESSION_ENGINE = _caching["SESSION_ENGINE"]
SESSION_CACHE_ALIAS = _caching["SESSION_CACHE_ALIAS"]

DRAMATIQ_BROKER = broker_settings(redis_url=REDIS_URL, rabbitmq_url=RABBITMQ_URL)

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 4 * 3600  # seconds
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

AXES_HANDLER = "identity.lockout.LockoutHandler"
AXES_FAILURE_LIMIT = LOGIN_FAILURE_LIMIT
AXES_COOLOFF_TIME = timedelta(minutes=LOGIN_LOCKOUT_MINUTES)
# Refused attempts neither prolong the lock nor fill the table.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "identity.lockout.counted_username"
AXES_CLIENT_IP_CALLABLE = "core.network.counted_address"
AXES_LOCKOUT_CALLABLE = "identity.lockout.lockout_response"
AXES_SENSITIVE_PARAMETERS = ["username", "email", "password1", "password2", "csrfmiddlewaretoken"]
# The audit trail keeps what axes would keep here, without what people typed.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# Sign-in requests, and requests that send a mail, per client address.
AUTH_THROTTLE_RATE = "60/min"
AUTH_MAIL_THROTTLE_RATE = "20/hour"

SIMPLE_JWT = {
    "SIGNING_KEY": JWT_SECRET_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=10),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    # A new password ends every token that was issued under the old one.
    "CHECK_REVOKE_TOKEN": True,
}

# Each in its own words. The catalogues of all but English are in locale/ (lifeos_project/languages).
LANGUAGES = [
    ("de", "Deutsch"),
    ("en", "English (US)"),
    ("en-gb", "English (UK)"),
    ("es", "Español"),
    ("fr", "Français"),
]
LANGUAGE_CODE = LIFEOS_LANGUAGE
FORMAT_MODULE_PATH = "lifeos_project.formats"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "/static/"
# Without collectstatic (development, tests) files come straight from the packages that ship them.
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = VAR_DIR / "media"

CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": ["'none'"],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}

# Never to the log in production: mails carry links that open accounts.
_MAIL_BACKEND = "smtp" if EMAIL_HOST else "dummy" if PRODUCTION else "console"
EMAIL_BACKEND = f"django.core.mail.backends.{_MAIL_BACKEND}.EmailBackend"
EMAIL_TIMEOUT = 10

configure_structlog()
LOGGING = logging_settings(json=PRODUCTION, web_level=GUNICORN_LOGLEVEL.upper(), worker_level=WORKER_LOGLEVEL)

PROMETHEUS_EXPORT_MIGRATIONS = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "finance.api.authentication.MemberTokens",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["core.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "lifeos_project.api.browsable.BrowsablePages",
    ],
    "DEFAULT_FILTER_BACKENDS": ["core.api.filters.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "lifeos_project.api.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "lifeos_project.api.errors.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": [
        "core.api.throttles.AnonThrottle",
        "core.api.throttles.UserThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "1200/min"},
    "COERCE_DECIMAL_TO_STRING": True,
    "DATETIME_FORMAT": "iso-8601",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "LifeOS API",
    "DESCRIPTION": "Books, accounts, entries, imports and insights of a household.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # Names in the document where several apps use the same word.
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "finance.models.Role",
        "AccountTypeEnum": "finance.models.AccountType",
        "AccountKindEnum": "finance.models.AccountKind",
        "EntrySourceEnum": "finance.models.JournalEntry.Source",
        "ImportStateEnum": "finance.models.ImportBatch.State",
        "StatementStateEnum": "finance.models.AccountStatement.State",
        "FormatEnum": "finance.models.ImportBatch.Format",
        "ExportFormatEnum": "finance.exports.formats.CHOICES",
        "DeliveryStateEnum": "finance.models.WebhookDelivery.State",
        "ExportStateEnum": "platform_outbox.operations.models.OperationRun.State",
        "SplitMethodEnum": "finance.models.SplitMethod",
        "ReportKindEnum": "finance.reports.definition.KINDS",
        "MethodEnum": "finance.valuation.models.AssetPlan.Method",
        "UnitEnum": "finance.api.schedule_shapes._UNITS",
        "CardModeEnum": "finance.planning.cards.models.CardMode",
        "LoanUnitEnum": "finance.planning.loans.models.LoanUnit",
        "InvoiceUnitEnum": "finance.receivables.models.RecurringUnit",
        "LoanMethodEnum": "finance.planning.loans.models.LoanMethod",
        "LoanRowKindEnum": "finance.api.loan_shapes.ROW_KINDS",
        "LoanMovementKindEnum": "finance.api.loan_shapes.MOVEMENT_KINDS",
        "InsightKindEnum": "insights.models.Kind",
        "InsightStateEnum": "insights.models.Insight.State",
        "EvidenceRoleEnum": "insights.models.InsightEvidence.Role",
        "GoalKindEnum": "finance.planning.goals.models.Goal.Kinds",
        "GoalMoveKindEnum": "finance.planning.goals.models.GoalMove.Kinds",
        "ScenarioStepEnum": "finance.planning.scenarios.models.ScenarioStep.Steps",
        "ScenarioLayerEnum": "finance.planning.scenarios.models.ScenarioStep.Layers",
        "ForecastLayerEnum": "finance.api.forecast_shapes.LAYERS",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "lifeos_project.api.openapi.add_failures",
    ],
}

"""What an operator can set: every variable of the environment, read once and strictly.

docs/configuration.md and .env.example are generated from here; settings.py makes Django's settings of them.
"""

import os
from pathlib import Path

from lifeos_project.connections.logins import with_password
from lifeos_project.environment import Environment
from lifeos_project.local.secret_files import development_secret

BASE_DIR = Path(__file__).resolve().parent.parent

# pytest sets this variable for the length of a run. Tests see defaults, whatever the developer's shell says.
TESTING = "PYTEST_VERSION" in os.environ

env = Environment(isolated=TESTING, let_through=["TEST_DATABASE_URL"])

with env.section("Application"):
    APP_ENV = env.text(
        "APP_ENV",
        "development",
        choices=["development", "production"],
        meaning="`production` refuses to start with unsafe settings and logs JSON; `development` makes its own "
        "secrets in `var/secrets/` and reads `.env`.",
    )
    PRODUCTION = APP_ENV == "production"
    if not PRODUCTION:
        env.load_file(BASE_DIR / ".env")
    VAR_DIR = BASE_DIR / env.text(
        "LIFEOS_VAR_DIR",
        "var",
        meaning="Directory for everything LifeOS writes: the embedded PostgreSQL, secrets, metrics. Must be writable.",
    )
    DEBUG = env.flag("DEBUG", False, meaning="Django's error pages; refused in production.")
    ALLOWED_HOSTS = env.names(
        "ALLOWED_HOSTS",
        ["localhost", "127.0.0.1", "[::1]"],
        meaning="Host names under which the site is served.",
    )
    CSRF_TRUSTED_ORIGINS = env.names(
        "CSRF_TRUSTED_ORIGINS", meaning="Origins (`https://books.example.org`) whose forms are accepted."
    )
    TRUST_PROXY = env.flag(
        "TRUST_PROXY",
        PRODUCTION,
        shown="true in production",
        meaning="A reverse proxy in front sets `X-Forwarded-For` and `X-Forwarded-Proto`; trust both.",
    )
    TRUSTED_PROXY_COUNT = int(TRUST_PROXY) * env.whole(
        "TRUSTED_PROXY_COUNT",
        1,
        minimum=1,
        meaning="How many of your proxies a request passes; the client's address is taken that many places from the "
        "right of `X-Forwarded-For`. Without `TRUST_PROXY` the header is not read.",
    )
    ENABLE_INSIGHTS = env.flag("ENABLE_INSIGHTS", True, meaning="Look for insights after every posting.")
    ENABLE_ML = env.flag(
        "ENABLE_ML",
        True,
        meaning="Suggest categories and payees for the rows of a bank file, learned from the book's own entries. Without it "
        "nothing is learned or suggested, and rows start without a category unless a rule gives one.",
    )
    LIFEOS_RELEASE = env.text(
        "LIFEOS_RELEASE",
        meaning="Name of the running build, shown with the version; images contain it, and `deploy.sh` writes it into the file "
        "`RELEASE` of each release.",
    )
    RELEASES_URL = env.text(
        "RELEASES_URL",
        meaning="Where `manage.py doctor --releases` looks for a newer release: an address that answers JSON with `tag_name`, as "
        "`https://api.github.com/repos/OWNER/NAME/releases/latest` does. Nothing else asks it.",
    )
    LIFEOS_LANGUAGE = env.text(
        "LIFEOS_LANGUAGE",
        "en",
        meaning="Language of pages when the browser asks for none that LifeOS has: `de`, `en`, `en-gb`, `es` or `fr`. Also of "
        "what a worker writes for nobody in particular, such as the problems of webhooks.",
    )

with env.section("Security"):
    SECRET_KEY = env.text(
        "SECRET_KEY",
        secret=True,
        meaning="Signs sessions and links; at least 32 characters, required in production.",
    ) or development_secret(production=PRODUCTION, directory=VAR_DIR / "secrets", name="SECRET_KEY")
    JWT_SECRET_KEY = env.text(
        "JWT_SECRET_KEY",
        secret=True,
        meaning="Signs API tokens; at least 32 characters, required in production.",
    ) or development_secret(production=PRODUCTION, directory=VAR_DIR / "secrets", name="JWT_SECRET_KEY")
    SECRET_KEY_FALLBACKS = env.names(
        "SECRET_KEY_FALLBACKS",
        secret=True,
        meaning="Former values of `SECRET_KEY`: what they signed stays valid until you remove them (docs/security.md).",
    )
    JWT_SECRET_KEY_FALLBACKS = env.names(
        "JWT_SECRET_KEY_FALLBACKS",
        secret=True,
        meaning="Former and future values of `JWT_SECRET_KEY`: accepted in tokens, not used to sign new ones.",
    )
    SESSION_COOKIE_SECURE = env.flag(
        "SESSION_COOKIE_SECURE",
        PRODUCTION,
        shown="true in production",
        meaning="Send session and CSRF cookies over HTTPS only.",
    )
    SESSION_COOKIE_SAMESITE = env.text(
        "SESSION_COOKIE_SAMESITE",
        "Lax",
        choices=["Lax", "Strict", "None"],
        meaning="SameSite of session and CSRF cookies.",
    )
    JWT_COOKIE_SECURE = env.flag(
        "JWT_COOKIE_SECURE",
        PRODUCTION,
        shown="true in production",
        meaning="Send the refresh-token cookie over HTTPS only.",
    )
    SECURE_SSL_REDIRECT = env.flag(
        "SECURE_SSL_REDIRECT",
        False,
        meaning="Answer plain HTTP with a redirect (a reverse proxy usually does it).",
    )
    SECURE_HSTS_SECONDS = env.whole(
        "SECURE_HSTS_SECONDS",
        31_536_000 if PRODUCTION else 0,
        meaning="How long browsers insist on HTTPS; in production a year by default.",
    )

with env.section("People"):
    SIGNUP_ENABLED = env.flag(
        "SIGNUP_ENABLED",
        not PRODUCTION,
        shown="false in production",
        meaning="Anyone may create an account. Invited people always can. Operators can also close sign-up in the admin.",
    )
    LOGIN_FAILURE_LIMIT = env.whole(
        "LOGIN_FAILURE_LIMIT",
        5,
        minimum=1,
        meaning="Failed sign-ins to one account from one address before more are refused.",
    )
    LOGIN_FAILURE_LIMIT_WIDE = env.whole(
        "LOGIN_FAILURE_LIMIT_WIDE",
        30,
        minimum=1,
        meaning="The same for one account from any address, and for one address with any account.",
    )
    LOGIN_LOCKOUT_MINUTES = env.whole(
        "LOGIN_LOCKOUT_MINUTES", 15, minimum=1, meaning="How long sign-ins are refused then."
    )
    AUDIT_RETENTION_DAYS = env.whole(
        "AUDIT_RETENTION_DAYS",
        400,
        minimum=7,
        meaning="Age at which `prune_access` deletes records of the audit trail; the database keeps the last week.",
    )
    SITE_URL = env.text(
        "SITE_URL",
        meaning="Address that links in mails start with (`https://books.example.org`); empty: the request's host, without the "
        "port that it names.",
    )

with env.section("Database"):
    DATABASE_URL = env.text(
        "DATABASE_URL",
        secret=True,
        meaning="`postgresql://user:password@host:5432/name`, PostgreSQL 15 or newer; `?sslmode=…` and other libpq options "
        "may follow, and several hosts (`@db1:5432,db2:5432/name?target_session_attrs=read-write`). Its role serves the "
        "application and must not own the tables. Empty: an embedded PostgreSQL in `var/postgres` (development only).",
    )
    DATABASE_OWNER_URL = env.text(
        "DATABASE_OWNER_URL",
        secret=True,
        meaning="The same database, directly, as the role that owns the tables: for `migrate`, which also creates the role of "
        "`DATABASE_URL` and renews its rights, `backup` and `restore`. Web and workers do not need it. Empty: one role "
        "does everything, which production refuses.",
    )
    DATABASE_DIRECT_URL = env.text(
        "DATABASE_DIRECT_URL",
        secret=True,
        meaning="The server itself, if `DATABASE_URL` goes through PgBouncer: web processes use the pool, workers "
        "and all commands use this one (docs/scaling.md). Empty: there is no pool.",
    )
    POSTGRES_PASSWORD = env.text(
        "POSTGRES_PASSWORD",
        secret=True,
        meaning="Fills a `DATABASE_URL` that names a user but no password. `POSTGRES_PASSWORD_FILE` is read again for every "
        "new connection, so the password changes without a restart (docs/security.md).",
    ).partition("\n")[0]
    POSTGRES_PASSWORD_FILE = env.file_of("POSTGRES_PASSWORD")
    POSTGRES_OWNER_PASSWORD = env.text(
        "POSTGRES_OWNER_PASSWORD",
        secret=True,
        meaning="Fills a `DATABASE_OWNER_URL` that names a user but no password. Without a `DATABASE_OWNER_URL` it is the "
        "password of `lifeos`, which owns the tables, on the server and database of `DATABASE_URL` (`DATABASE_DIRECT_URL`).",
    )
    TEST_DATABASE_URL = env.text(
        "TEST_DATABASE_URL",
        secret=True,
        meaning="PostgreSQL server for the tests; empty: an embedded one in `var/postgres-test`.",
    )
    DATABASE_PREPARED_STATEMENTS = env.flag(
        "DATABASE_PREPARED_STATEMENTS",
        not DATABASE_DIRECT_URL,
        shown="false with `DATABASE_DIRECT_URL`",
        meaning="Prepare the statements of `DATABASE_URL` on the server. Through PgBouncer this needs version 1.22 and "
        "`max_prepared_statements` above 0.",
    )
    DATABASE_REPLICA_URL = env.text(
        "DATABASE_REPLICA_URL",
        secret=True,
        meaning="A streaming replica of the server, for reports and exports (docs/scaling.md). Empty: there is none.",
    )
    DATABASE_REPLICA_MAX_LAG_SECONDS = env.number(
        "DATABASE_REPLICA_MAX_LAG_SECONDS",
        0.2,
        meaning="How long a report waits for the replica to catch up; then the primary answers.",
    )
    DATABASE_CONN_MAX_AGE = env.whole(
        "DATABASE_CONN_MAX_AGE",
        60,
        meaning="Seconds an idle connection is kept; 0 closes it after each request.",
    )
    DATABASE_POOL_SIZE = env.whole(
        "DATABASE_POOL_SIZE",
        0,
        meaning="Connections a web process shares between its threads; 0: one per thread.",
    )
    RUN_MIGRATIONS = env.flag("RUN_MIGRATIONS", True, meaning="Apply migrations when the web process starts.")

with env.section("Cache and broker"):
    REDIS_URL = env.text(
        "REDIS_URL",
        secret=True,
        meaning="`redis://host:6379/0`: cache, copies of sessions, throttles and the workers' wake-ups; lasting data is in "
        "the database, and the site works while Redis is down. Empty: memory, database and in-process.",
    )
    REDIS_PASSWORD = env.text(
        "REDIS_PASSWORD",
        secret=True,
        meaning="Fills a `REDIS_URL` that names no password; with containers also the password of their Redis. Leave it "
        "empty if your Redis has none.",
    )
    REDIS_URL = with_password(REDIS_URL, password=REDIS_PASSWORD)
    RABBITMQ_URL = env.text(
        "RABBITMQ_URL",
        secret=True,
        meaning="`amqp://user:password@host:5672/`: the workers' wake-ups, instead of `REDIS_URL`.",
    )

with env.section("E-mail"):
    EMAIL_HOST = env.text(
        "EMAIL_HOST",
        meaning="SMTP server; empty: mails are written to the log (in production they are dropped, because their links open accounts).",
    )
    EMAIL_PORT = env.whole("EMAIL_PORT", 587, minimum=1, meaning="Port of the SMTP server.")
    EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", meaning="SMTP user.")
    EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", secret=True, meaning="SMTP password.")
    EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", True, meaning="Use STARTTLS with the SMTP server.")
    DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "lifeos@localhost", meaning="Sender of mails.")

with env.section("Web server"):
    GUNICORN_BIND = env.text("GUNICORN_BIND", "127.0.0.1:8000", meaning="Address and port gunicorn listens on.")
    GUNICORN_WORKERS = env.whole("GUNICORN_WORKERS", 2, minimum=1, meaning="Web processes.")
    GUNICORN_THREADS = env.whole("GUNICORN_THREADS", 2, minimum=1, meaning="Threads per web process.")
    GUNICORN_TIMEOUT = env.whole(
        "GUNICORN_TIMEOUT", 60, minimum=1, meaning="Seconds until a hanging web process is replaced."
    )
    GUNICORN_MAX_REQUESTS = env.whole(
        "GUNICORN_MAX_REQUESTS", 10_000, meaning="Requests after which a web process is replaced; 0 = never."
    )
    GUNICORN_LOGLEVEL = env.text(
        "GUNICORN_LOGLEVEL",
        "info",
        choices=["debug", "info", "warning", "error", "critical"],
        meaning="Log level of the web process.",
    )

with env.section("Worker and outbox"):
    WORKER_BATCH_SIZE = env.whole("WORKER_BATCH_SIZE", 50, minimum=1, meaning="Events claimed in one transaction.")
    WORKER_IO_THREADS = env.whole(
        "WORKER_IO_THREADS",
        4,
        minimum=1,
        meaning="Calls outside the database (mails, webhooks) that a worker makes at the same time.",
    )
    WORKER_POLL_INTERVAL = env.number(
        "WORKER_POLL_INTERVAL",
        5,
        minimum=0.1,
        meaning="Seconds between looks at the outbox when no wake-up comes.",
    )
    WORKER_MAX_ATTEMPTS = env.whole(
        "WORKER_MAX_ATTEMPTS", 5, minimum=1, meaning="Attempts before an event becomes a dead letter."
    )
    WORKER_BACKOFF_SECONDS = env.number(
        "WORKER_BACKOFF_SECONDS", 5, minimum=0, meaning="Seconds before the second attempt."
    )
    OUTBOX_BACKOFF_MULTIPLIER = env.number(
        "OUTBOX_BACKOFF_MULTIPLIER", 2, minimum=1, meaning="Each further wait is longer by this factor."
    )
    OUTBOX_RETENTION_DAYS = env.whole(
        "OUTBOX_RETENTION_DAYS",
        30,
        meaning="Days that handled and discarded events are kept; 0: for ever. Unresolved dead letters always stay.",
    )
    WORKER_TIME_LIMIT = env.number(
        "WORKER_TIME_LIMIT",
        120,
        minimum=0,
        meaning="Seconds that one call of a handler may take; after that its event has failed and the worker is replaced. 0: no limit.",
    )
    WORKER_MEMORY_LIMIT = env.whole(
        "WORKER_MEMORY_LIMIT",
        0,
        minimum=0,
        meaning="MiB of memory above which a worker ends after its current batch and is replaced. 0: no limit.",
    )
    WORKER_LOGLEVEL = env.text(
        "WORKER_LOGLEVEL",
        "INFO",
        choices=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        meaning="Log level of the worker.",
    )

with env.section("Bank files"):
    IMPORT_READING_SECONDS = env.whole(
        "IMPORT_READING_SECONDS",
        120,
        minimum=1,
        meaning="Seconds that reading one bank file may take, in a child process of the worker.",
    )
    IMPORT_READING_MEMORY_MB = env.whole(
        "IMPORT_READING_MEMORY_MB",
        1024,
        minimum=128,
        meaning="Memory in MB that this process may use; a file of 45 MB with 195,000 rows takes 490.",
    )

with env.section("Attachments"):
    ATTACHMENT_MAX_MB = env.whole(
        "ATTACHMENT_MAX_MB", 10, minimum=1, meaning="Size in MB that one attached file may have, up to 50."
    )
    ATTACHMENT_MAX_PER_ENTRY = env.whole(
        "ATTACHMENT_MAX_PER_ENTRY", 20, minimum=1, meaning="Files that one entry may have."
    )
    ATTACHMENT_BOOK_MAX_MB = env.whole(
        "ATTACHMENT_BOOK_MAX_MB",
        2048,
        minimum=1,
        meaning="MB that all attachments of one book may take. They are in the database, and in every backup.",
    )

with env.section("Exchange rates"):
    ECB_RATES = env.text(
        "ECB_RATES",
        meaning="Address or file of the European Central Bank's reference rates, read four times a day for all books: "
        "`https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip` (all days since 1999) or one of the shorter files; "
        "XML, CSV or a zip of it. Empty: no published rates.",
    )

with env.section("Webhooks"):
    WEBHOOK_ALLOW_HTTP = env.flag(
        "WEBHOOK_ALLOW_HTTP", False, meaning="Webhooks may have addresses without TLS (`http://…`)."
    )
    WEBHOOK_ALLOW_PRIVATE = env.flag(
        "WEBHOOK_ALLOW_PRIVATE",
        False,
        meaning="Webhooks may reach private, shared, loopback and link-local addresses. Any owner of a book can then make this "
        "server send requests into your network; `WEBHOOK_ALLOWED_NETWORKS` allows less.",
    )
    WEBHOOK_ALLOWED_NETWORKS = env.networks(
        "WEBHOOK_ALLOWED_NETWORKS",
        meaning="Networks that webhooks may reach although they are private, such as `10.1.2.0/24,fd12::/64`.",
    )
    WEBHOOK_CA_FILE = env.text(
        "WEBHOOK_CA_FILE",
        meaning="File with certificates (PEM) that webhooks trust in addition to the system's, such as your own authority's.",
    )
    WEBHOOK_TIMEOUT_SECONDS = env.number(
        "WEBHOOK_TIMEOUT_SECONDS", 15, minimum=1, meaning="Seconds that one attempt may take in all."
    )
    WEBHOOK_DISABLE_AFTER_DAYS = env.whole(
        "WEBHOOK_DISABLE_AFTER_DAYS",
        5,
        minimum=1,
        meaning="Days of failure without a break after which a webhook is switched off and the book's owners get a mail.",
    )
    WEBHOOK_LOG_DAYS = env.whole(
        "WEBHOOK_LOG_DAYS", 30, minimum=1, meaning="Age at which `prune_webhooks` deletes deliveries from the log."
    )

with env.section("Deleted books"):
    BOOK_GRACE_DAYS = env.whole(
        "BOOK_GRACE_DAYS",
        14,
        minimum=1,
        meaning="Days for which owners can restore a deleted book; then it is erased.",
    )

with env.section("Monitoring"):
    METRICS_TOKEN = env.text(
        "METRICS_TOKEN",
        secret=True,
        meaning="Bearer token for `/metrics`; empty: only loopback and private addresses get an answer.",
    )
    WORKER_METRICS_BIND = env.text(
        "WORKER_METRICS_BIND",
        meaning="`host:port` on which a worker answers `/metrics` with its own counters, under the same token; empty: none. "
        "If another worker of the machine has the port, one of the next nine.",
    )
    STATSD_HOST = env.text(
        "STATSD_HOST", meaning="`host` or `host:port` of a StatsD server for gunicorn's metrics; empty: none."
    )
    STATSD_PREFIX = env.text("STATSD_PREFIX", "lifeos", meaning="Prefix of the StatsD metrics.")
    GRAFANA_PASSWORD = env.text(
        "GRAFANA_PASSWORD",
        secret=True,
        meaning="Password of Grafana's `admin`; used by the monitoring stack only.",
    )
    SLACK_WEBHOOK_URL = env.text(
        "SLACK_WEBHOOK_URL",
        secret=True,
        meaning="Slack's address for alerts; only the monitoring stack uses this and the following variables.",
    )
    PAGERDUTY_SERVICE_KEY = env.text(
        "PAGERDUTY_SERVICE_KEY", secret=True, meaning="PagerDuty's integration key, for critical alerts."
    )
    ALERT_EMAIL_TO = env.text(
        "ALERT_EMAIL_TO",
        meaning="Mail addresses for alerts, comma-separated, sent through the server of `EMAIL_HOST`; empty: none.",
    )
    NTFY_URL = env.text(
        "NTFY_URL",
        secret=True,
        meaning="ntfy topic for alerts (`https://ntfy.sh/a-name-that-nobody-guesses`); empty: none.",
    )
    NTFY_TOKEN = env.text("NTFY_TOKEN", secret=True, meaning="Access token, for a topic that needs one.")
    ALERT_WEBHOOK_URL = env.text(
        "ALERT_WEBHOOK_URL",
        secret=True,
        meaning="Address to which Alertmanager posts its JSON about every alert; empty: none.",
    )
    ALERT_WEBHOOK_TOKEN = env.text(
        "ALERT_WEBHOOK_TOKEN", secret=True, meaning="Bearer token for `ALERT_WEBHOOK_URL`; empty: none."
    )
    DEADMANSSWITCH_URL = env.text(
        "DEADMANSSWITCH_URL",
        secret=True,
        meaning="Address that gets a POST every five minutes while the monitoring works, at a service that raises "
        "an alarm when the posts stop (such as healthchecks.io); empty: none.",
    )

with env.section("Backup"):
    BACKUP_TARGET = env.text(
        "BACKUP_TARGET",
        meaning="Where backups are kept: a directory, or `s3://bucket/prefix`. Empty: `backups` in `LIFEOS_VAR_DIR`.",
    )
    BACKUP_S3_ENDPOINT = env.text(
        "BACKUP_S3_ENDPOINT", meaning="Address of an S3-compatible server (`https://minio.internal:9000`); empty: AWS."
    )
    BACKUP_S3_REGION = env.text("BACKUP_S3_REGION", "us-east-1", meaning="Region of the bucket.")
    BACKUP_S3_ACCESS_KEY_ID = env.text(
        "BACKUP_S3_ACCESS_KEY_ID", secret=True, meaning="Access key; empty: AWS's own variables or the machine's role."
    )
    BACKUP_S3_SECRET_ACCESS_KEY = env.text(
        "BACKUP_S3_SECRET_ACCESS_KEY", secret=True, meaning="Secret key for `BACKUP_S3_ACCESS_KEY_ID`."
    )
    BACKUP_AGE_RECIPIENTS = env.names(
        "BACKUP_AGE_RECIPIENTS",
        meaning="Public keys of age (`age1…`) to which backups are encrypted; empty: they are not encrypted.",
    )
    BACKUP_AGE_IDENTITY = env.text(
        "BACKUP_AGE_IDENTITY",
        secret=True,
        meaning="Secret key of age with which `restore` opens backups. Better keep it elsewhere and use `--identity`.",
    )
    BACKUP_NIGHTLY = env.flag(
        "BACKUP_NIGHTLY", PRODUCTION, shown="true in production", meaning="A worker makes a backup every night."
    )
    BACKUP_HOUR = env.whole("BACKUP_HOUR", 2, meaning="Hour (UTC, 0 to 23) at which the nightly backup begins.") % 24
    BACKUP_KEEP_LAST = env.whole(
        "BACKUP_KEEP_LAST", 3, minimum=1, meaning="How many of the newest backups are kept, however close together."
    )
    BACKUP_KEEP_DAILY = env.whole("BACKUP_KEEP_DAILY", 7, meaning="Days of which the newest backup is kept.")
    BACKUP_KEEP_WEEKLY = env.whole("BACKUP_KEEP_WEEKLY", 5, meaning="Weeks of which the newest backup is kept.")
    BACKUP_KEEP_MONTHLY = env.whole("BACKUP_KEEP_MONTHLY", 12, meaning="Months of which the newest backup is kept.")
    BACKUP_KEEP_DEPLOYS = env.whole(
        "BACKUP_KEEP_DEPLOYS", 3, meaning="How many backups made before a deploy are kept, however old."
    )
    BACKUP_DATABASE_URL = env.text(
        "BACKUP_DATABASE_URL",
        secret=True,
        meaning="Direct connection (not through PgBouncer) of the role that migrates, for backup and restore; restore "
        "needs its right to create databases. Empty: `DATABASE_OWNER_URL`, `DATABASE_DIRECT_URL`, or `DATABASE_URL`.",
    )
    BACKUP_SCRATCH_URL = env.text(
        "BACKUP_SCRATCH_URL",
        secret=True,
        meaning="Server on which backups are restored for proof, in databases that are dropped again; empty: a temporary "
        "PostgreSQL next to the backup.",
    )
    BACKUP_POSTGRES_PROGRAMS = env.text(
        "BACKUP_POSTGRES_PROGRAMS",
        meaning="Directory of pg_dump, pg_restore and psql; empty: LifeOS looks for those of the server's version.",
    )

with env.section("Demonstration"):
    DEMO_PASSWORD = env.text(
        "DEMO_PASSWORD",
        secret=True,
        meaning="Password that `seed_demo` gives to demo@lifeos.example; empty: one is generated and printed.",
    )
    OPERATOR_PASSWORD = env.text(
        "OPERATOR_PASSWORD",
        secret=True,
        meaning="Password that `seed_demo --operator` gives to operator@lifeos.example; empty: one is generated and printed.",
    )

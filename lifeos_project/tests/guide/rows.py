"""The guide's lines in its order. The check is run wherever the tests run, the state is what becomes of it."""

from dataclasses import dataclass

from lifeos_project.tests.guide import checks as c
from lifeos_project.tests.stack.watched import GUIDE

WITH_MONITORING = "docker-compose -f docker-compose.yml -f docker-compose.monitoring.yml"
PROOF = "lifeos_project/tests/"
DEPLOYING = f"{PROOF}deploy/test_deploy.py"
RUNNING = f"{PROOF}stack/test_running_stack.py"
FILES = f"{PROOF}stack/test_compose_files.py"
INSTALL = f"{PROOF}stack/test_install_page.py"
BY_HAND = "lifeos_project/backups/tests/test_by_hand.py"

STATES = {
    "same": "works as written",
    "renamed": "works under the name given here",
    "engine": "needs a container engine; names and arguments are checked",
    "yours": "yours to do; the page says how",
    "open": "not yet true",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the guide by its number, its term, what to type or look at here, and whether that is true."""

    line: int
    term: str
    here: str
    state: str
    check: c.Check


def _row(line: int, term: str, here: str, state: str, *check: c.Check) -> Row:
    return Row(line=line, term=term, here=here, state=state, check=c.every(*check))


def _variables(profile: str, lines: dict[str, int]) -> list[Row]:
    """A line for each variable of one of the two templates."""
    return [
        _row(line, f"`{name}`", "the same", "same", c.variable(name, profile=profile)) for name, line in lines.items()
    ]


QUICK_START = [
    _row(26, "Docker Compose 2", "`docker-compose` 1.29 or newer, or `docker compose`", "same",
         c.compose_reads(c.compose.SECRETS)),
    _row(27, "GNU Make", "`make help`", "same", c.make("help", "run", "test")),
    _row(28, "Linux, macOS", "[install](install.md)", "same", c.says("docs/install.md", "Debian 12")),
    _row(29, "4 processors, 8 GB", "[install](install.md)", "same", c.says("docs/install.md", "4 and 8 are better")),
    _row(35, "git clone", "`git clone <repository> /opt/lifeos`", "same",
         c.says("docs/install.md", "git clone <repository> /opt/lifeos")),
    _row(36, "the checkout's directory", "`/opt/lifeos`", "renamed", c.says("docs/install.md", "cd /opt/lifeos")),
    _row(39, "cp .env.example .env", "the same", "same", c.compose_reads((c.ROOT / ".env.example").read_text())),
    _row(42, "docker-compose up -d", "the same", "engine", c.typed("docker-compose up -d")),
    _row(45, "docker-compose ps", "the same", "engine", c.typed("docker-compose ps")),
    _row(48, ":8000/health", "`curl http://localhost:8000/health`", "same",
         c.service("lifeos-nginx", published="127.0.0.1:8000:8000"), c.answers("/health"),
         c.proved_by(RUNNING, "test_ten_replicas_may_start_at_once_on_an_empty_database")),
    _row(51, "logs -f lifeos-web", "the same", "engine", c.typed("docker-compose logs -f lifeos-web")),
    _row(58, "Grafana at :3000", "the same", "same", c.service("grafana", published="127.0.0.1:3000:3000")),
    _row(59, "a default password", "`admin` and `GRAFANA_PASSWORD`; a default is refused", "renamed",
         c.refused_in_production({"GRAFANA_PASSWORD": "grafana"}, says="GRAFANA_PASSWORD is a password everybody tries")),
    _row(62, "Prometheus at :9090", "the same", "same", c.service("prometheus", published="127.0.0.1:9090:9090")),
    _row(65, "Alertmanager at :9093", "the same", "same", c.service("alertmanager", published="127.0.0.1:9093:9093")),
]  # fmt: skip

ARCHITECTURE = [
    _row(76, "a reverse proxy", "`lifeos-nginx`; another one may stand before it", "same",
         c.service("lifeos-nginx", port=8000)),
    _row(83, "web replicas at 8000", "`lifeos-web`, two", "same", c.service("lifeos-web", port=8000)),
    _row(91, "PostgreSQL at 5432", "`lifeos-db`, also called `db`", "same", c.service("lifeos-db", port=5432)),
    _row(91, "Redis at 6379", "`lifeos-redis`, also called `redis`", "same", c.service("lifeos-redis", port=6379)),
    _row(91, "an async worker", "`lifeos-worker`", "same", c.service("lifeos-worker")),
    _row(99, "Prometheus 9090", "`prometheus`", "same", c.service("prometheus", port=9090)),
    _row(100, "Grafana 3000", "`grafana`", "same", c.service("grafana", port=3000)),
    _row(101, "Alertmanager 9093", "`alertmanager`", "same", c.service("alertmanager", port=9093)),
    _row(102, "cAdvisor 8080", "`cadvisor`", "same", c.service("cadvisor", published="127.0.0.1:8080:8080")),
    _row(110, "lifeos-web scales out", "`LIFEOS_WEB_REPLICAS`; Django, not Flask", "renamed",
         c.replicas("lifeos-web", "LIFEOS_WEB_REPLICAS")),
    _row(111, "lifeos-db, primary and replica", "`DATABASE_REPLICA_URL`, [scaling](scaling.md#a-replica-for-reports)", "same",
         c.says("docs/scaling.md", "## A replica for reports"),
         c.says("lifeos_project/variables.py", '"DATABASE_REPLICA_URL"')),
    _row(112, "lifeos-redis, replicated", "[scaling](scaling.md#a-second-redis)", "same",
         c.proved_by(f"{PROOF}stack/test_second_ones.py", "test_a_session_outlives_the_first_redis")),
    _row(113, "lifeos-worker scales out", "`LIFEOS_WORKER_REPLICAS`", "same",
         c.replicas("lifeos-worker", "LIFEOS_WORKER_REPLICAS")),
    _row(114, "prometheus", "`PROMETHEUS_RETENTION`, `PROMETHEUS_RETENTION_SIZE`", "same",
         c.proved_by(RUNNING, "test_prometheus_runs_all_rules_and_reaches_all_targets")),
    _row(115, "grafana", "dashboards are provisioned; alerts come from Alertmanager", "same",
         c.proved_by(RUNNING, "test_every_query_of_a_dashboard_answers_with_data")),
    _row(116, "alertmanager, clustered", "[scaling](scaling.md#a-second-alertmanager)", "same",
         c.proved_by(f"{PROOF}stack/test_second_ones.py", "test_two_alertmanagers_tell_an_alert_once_and_share_silences")),
]  # fmt: skip

DEVELOPMENT = [
    _row(126, "the development template", "a `.env` of the lines below, for `docker-compose`", "same",
         c.compose_reads(c.DEVELOPMENT)),
    *_variables("development", {name: 127 + number for number, name in enumerate(c.DEVELOPMENT)}),
    _row(131, "REDIS_URL wins over compose", "the same", "same",
         c.reaches("lifeos-web", "REDIS_URL", "redis://redis.internal:6379/0")),
    _row(130, "DATABASE_URL wins over compose", "the same", "same",
         c.reaches("lifeos-web", "DATABASE_URL", "postgresql://lifeos_app@db.internal:5432/lifeos")),
    _row(146, "up -d", "the same", "engine", c.typed("docker-compose up -d")),
    _row(149, "with monitoring", f"`{WITH_MONITORING} up -d`", "engine", c.typed(f"{WITH_MONITORING} up -d")),
    _row(152, "logs -f lifeos-web", "the same", "engine", c.typed("docker-compose logs -f lifeos-web")),
    _row(155, "logs -f lifeos-worker --tail=50", "`docker-compose logs -f --tail=50 lifeos-worker`", "engine",
         c.typed("docker-compose logs -f --tail=50 lifeos-worker")),
    _row(158, "down", "the same", "engine", c.typed("docker-compose down")),
    _row(161, "down -v", "the same; it deletes database and attachments, and leaves the backups", "engine",
         c.typed("docker-compose down -v"), c.proved_by(FILES, "test_backups_are_in_no_volume_that_down_v_removes")),
    _row(164, "build --no-cache", "the same", "engine", c.typed("docker-compose build --no-cache")),
    _row(167, "flask db upgrade", "`docker-compose run --rm lifeos-migrate`; a start does it by itself", "renamed",
         c.django("migrate"), c.proved_by(RUNNING, "test_ten_replicas_may_start_at_once_on_an_empty_database")),
    _row(168, "flask shell", "`docker-compose exec lifeos-web python manage.py shell`", "renamed",
         c.django("shell"), c.typed("docker-compose exec lifeos-web python manage.py shell")),
    _row(175, "flask db upgrade", "`docker-compose run --rm lifeos-migrate`", "renamed", c.django("migrate"),
         c.typed("docker-compose run --rm lifeos-migrate")),
    _row(178, "flask db migrate", "`manage.py makemigrations --name description`", "renamed",
         c.django("makemigrations"),
         c.says("docs/operators.md", "makemigrations --name description")),
    _row(181, "flask db downgrade", "`manage.py migrate finance 0003`", "renamed", c.django("migrate"),
         c.says("docs/operators.md", "`manage.py migrate finance 0003`")),
    _row(184, "alembic_version", "`manage.py showmigrations`, or the table `django_migrations`", "renamed",
         c.django("showmigrations"),
         c.sql("SELECT app, name, applied FROM django_migrations")),
    _row(192, "all tests", "`make test`", "renamed", c.make("test"), c.python("pytest")),
    _row(195, "one file", "`.venv/bin/python -m pytest identity/tests/test_tokens.py`", "renamed",
         c.says("identity/tests/test_tokens.py", "def test_")),
    _row(198, "coverage", "`make coverage` measures; below 90 % it fails", "renamed", c.make("coverage-floor"),
         c.says("Makefile", "--fail-under 90"), c.python("slipcover")),
    _row(202, "watch mode", "`make watch`", "renamed", c.make("watch"), c.python("ptw"),
         c.proved_by(f"{PROOF}test_watch.py", "test_a_saved_file_runs_the_tests_again")),
]  # fmt: skip

PRODUCTION = [
    _row(211, "tests at GitHub", "`.github/workflows/ci.yml`", "same",
         c.workflow("ci.yml", "bash .ci/run", "make lint")),
    _row(212, "code reviewed", "`CONTRIBUTING.md`; a rule of your repository", "yours",
         c.says("CONTRIBUTING.md", "One change, one commit")),
    _row(213, "bandit, safety", "`make security`: bandit, pip-audit, zizmor", "renamed", c.make("security"),
         c.workflow("ci.yml", "make security")),
    _row(214, "a backup", "`deploy.sh deploy` makes and proves one first", "same",
         c.proved_by(DEPLOYING, "test_a_backup_comes_back_and_the_database_of_before_is_kept")),
    _row(215, "a load balancer", "nginx is part of it", "same",
         c.proved_by(RUNNING, "test_the_site_stays_when_a_replica_goes_and_comes_back")),
    _row(216, "valid certificates", "[LifeosCertificateExpires](runbooks/LifeosCertificateExpires.md)", "same",
         c.alert("LifeosCertificateExpires", "critical"),
         c.proved_by(INSTALL, "test_the_certificate_of_the_page_is_one")),
    _row(217, "a secret manager", "`NAME_FILE`, [security](security.md#where-secrets-come-from)", "same",
         c.proved_by(f"{PROOF}test_secrets.py", "test_a_secret_may_come_from_a_file"),
         c.says("docs/security.md", "`NAME_FILE`")),
    _row(218, "alerting", "[who is told](monitoring.md#who-is-told)", "same",
         c.proved_by(f"{PROOF}stack/test_alert_receivers.py", "test_a_critical_alert_reaches_every_channel_and_the_watchdog_its_switch")),
    _row(219, "a rollback plan", "[deploying](deploying.md)", "same",
         c.says("docs/deploying.md", "deploy.sh rollback")),
    _row(226, "the production template", "a `.env` of the lines below, for `docker-compose`", "same",
         c.compose_reads(c.PRODUCTION)),
    *_variables(
        "production",
        dict(zip(c.PRODUCTION, [
            227, 228, 231, 232, 233, 234, 235, 238, 239, 242, 245, 246, 247, 248, 251, 252, 253, 254, 257, 258, 259, 260, 263, 264,
            267, 268, 269,
        ], strict=True)),
    ),
    _row(231, "$(openssl rand …) as a value", "in a here-document ([install](install.md#secrets)); in `.env` it is text, and refused",
         "renamed",
         c.refused_in_production({"SECRET_KEY": "$(openssl rand -base64 32)-of-thirty-two"}, says="SECRET_KEY"),
         c.proved_by(INSTALL, "test_the_secrets_of_the_page_are_strong_enough_to_start")),
    _row(278, "chmod +x deploy.sh", "it is", "same", c.executable("deploy/scripts/deploy.sh")),
    _row(281, "deploy.sh deploy production", "the same", "same",
         c.deploy_sh("deploy", "production", says="lifeos-migrate manage.py migrate"),
         c.proved_by(DEPLOYING, "test_releases_come_and_go_under_load_without_a_failed_request")),
    _row(284, "deploy.sh status", "the same", "same", c.deploy_sh("status", says="current   lifeos-web:v2")),
    _row(287, "deploy.sh logs", "the same", "same", c.deploy_sh("logs", says="logs --follow")),
    _row(290, "deploy.sh rollback BACKUP", "the same", "same",
         c.deploy_sh("rollback", "/path/to/backup", says="restore /path/to/backup")),
    _row(297, "pull", "the same", "engine", c.typed("docker-compose pull")),
    _row(300, "exec db pg_dump", "`docker-compose exec -T lifeos-db pg_dump …`; better `manage.py backup`", "renamed",
         c.typed("docker-compose exec -T lifeos-db pg_dump -U lifeos lifeos"),
         c.proved_by(BY_HAND, "test_a_plain_dump_and_its_recovery_work_as_the_page_says"), c.django("backup")),
    _row(303, "down", "the same", "engine", c.typed("docker-compose down")),
    _row(306, "up -d", "the same", "engine", c.typed("docker-compose up -d")),
    _row(309, "exec db pg_isready", "`docker-compose exec lifeos-db pg_isready -U lifeos`", "renamed",
         c.typed("docker-compose exec lifeos-db pg_isready -U lifeos"), c.healthy("lifeos-db")),
    _row(310, "exec redis redis-cli ping", "`docker-compose exec lifeos-redis redis-cli ping`", "renamed",
         c.typed("docker-compose exec lifeos-redis redis-cli ping"), c.says("docker-compose.yml", "REDISCLI_AUTH")),
    _row(311, ":8000/health", "the same", "same", c.answers("/health")),
    _row(318, "git tag v1.0.0", "the same", "same", c.workflow("release.yml", 'tags: ["v*"]')),
    _row(319, "git push origin v1.0.0", "the same; the tag deploys, a push to `main` is only tested", "renamed",
         c.workflow("release.yml", "push:")),
    _row(322, "the pipeline tests", "job `ci`", "same",
         c.workflow("release.yml", "uses: ./.github/workflows/ci.yml")),
    _row(323, "the pipeline builds", "job `images`, for amd64 and arm64", "same",
         c.workflow("release.yml", "linux/amd64,linux/arm64")),
    _row(324, "the pipeline pushes", "`ghcr.io`, scanned and signed", "same",
         c.workflow("release.yml", "registry: ghcr.io", "cosign sign")),
    _row(325, "the pipeline deploys when approved", "job `deploy`, environment `production`", "same",
         c.workflow("release.yml", "environment: production", "deploy.sh deploy production")),
    _row(332, "ps", "the same", "engine", c.typed("docker-compose ps")),
    _row(337, "postgres:16 is healthy", "the same", "engine", c.healthy("lifeos-db", image="postgres:16")),
    _row(338, "redis:7 is healthy", "the same", "engine", c.healthy("lifeos-redis", image="redis:7")),
    _row(339, "lifeos-web:latest is healthy", "the same", "engine",
         c.healthy("lifeos-web", image="lifeos-web:latest"),
         c.proved_by(RUNNING, "test_a_worker_is_alive_and_its_health_check_says_so")),
    _row(340, "lifeos-worker is up", "healthy, too", "engine", c.healthy("lifeos-worker"),
         c.proved_by(RUNNING, "test_a_worker_is_alive_and_its_health_check_says_so")),
]  # fmt: skip

MONITORING = [
    _row(351, "Grafana", "`http://localhost:3000`, `admin` and `GRAFANA_PASSWORD`", "renamed",
         c.service("grafana", published="127.0.0.1:3000:3000"),
         c.says("docker-compose.monitoring.yml", "GF_SECURITY_ADMIN_USER: admin")),
    _row(352, "Prometheus", "`http://localhost:9090`, no password, on the loopback only", "same",
         c.service("prometheus", published="127.0.0.1:9090:9090")),
    _row(353, "Alertmanager", "`http://localhost:9093`, the same", "same",
         c.service("alertmanager", published="127.0.0.1:9093:9093")),
    *(
        _row(line, what, f"`{GUIDE[what]}`", "same", c.query(GUIDE[what]), *more)
        for line, what, more in [
            (358, "request rate", [c.metric("http_requests_total")]),
            (359, "error rate", [c.metric("http_requests_total")]),
            (360, "response time", [c.metric("http_request_duration_seconds_bucket")]),
            (361, "worker lag", [c.metric("platform_outbox_pending_messages")]),
            (364, "processor", []),
            (365, "memory", []),
            (366, "disk", []),
            (367, "connections", []),
        ]
    ),
    _row(371, "prometheus.rules.yml", "`compose/prometheus/prometheus.rules.yml`", "same",
         c.proved_by(f"{PROOF}stack/test_monitoring_files.py", "test_promtool_accepts_the_rules_and_every_case_holds")),
    *(
        _row(line, what, f"[{name}](runbooks/{name}.md), {severity}", "same", c.alert(name, severity))
        for line, what, name, severity in [
            (372, "web down", "LifeosWebDown", "critical"),
            (372, "database down", "LifeosDatabaseDown", "critical"),
            (372, "Redis down", "LifeosRedisDown", "critical"),
            (373, "high error rate", "LifeosHighErrorRate", "warning"),
            (373, "slow queries", "LifeosSlowQueries", "warning"),
            (373, "memory pressure", "LifeosMemoryPressure", "warning"),
            (374, "outbox backlog", "LifeosOutboxBacklog", "info"),
            (374, "connection limits", "LifeosDatabaseConnections", "info"),
        ]
    ),
]  # fmt: skip

TROUBLESHOOTING = [
    _row(384, "logs lifeos-web", "the same", "engine", c.typed("docker-compose logs lifeos-web")),
    _row(385, "ports, memory, network", "[troubleshooting](troubleshooting.md#it-does-not-start)", "same",
         c.says("docs/troubleshooting.md", "## It does not start")),
    _row(386, "docker system prune -a", "the same; it is Docker's own", "engine",
         c.says("docs/runbooks/LifeosDiskFilling.md", "docker image prune -a")),
    _row(387, "down -v", "the same; **it deletes the books**", "engine", c.typed("docker-compose down -v"),
         c.says("docs/install.md", "`docker-compose down -v` deletes the database")),
    _row(388, "up -d", "the same", "engine", c.typed("docker-compose up -d")),
    _row(393, "exec db pg_isready -U lifeos", "`docker-compose exec lifeos-db pg_isready -U lifeos`", "renamed",
         c.typed("docker-compose exec lifeos-db pg_isready -U lifeos")),
    _row(395, "logs db", "`docker-compose logs lifeos-db`", "renamed", c.typed("docker-compose logs lifeos-db")),
    _row(400, "logs lifeos-worker", "the same", "engine", c.typed("docker-compose logs lifeos-worker")),
    _row(403, "the outbox by status", "the same statement, at `lifeos-db`; or `manage.py outbox_status`", "renamed",
         c.sql("SELECT status, COUNT(*) FROM platform_outbox GROUP BY status;"), c.django("outbox_status")),
]  # fmt: skip

RUNBOOKS = [
    _row(415, "deploy.sh deploy production", "the same", "same",
         c.deploy_sh("deploy", "production", says="preflight")),
    _row(416, "ps", "the same, or `deploy.sh status`", "engine", c.typed("docker-compose ps")),
    _row(417, ":8000/health", "the same, or `deploy.sh health-check`", "same", c.answers("/health")),
    _row(425, "restart", "`docker-compose restart`; without downtime: `deploy.sh restart`", "engine",
         c.typed("docker-compose restart"),
         c.proved_by(DEPLOYING, "test_a_restart_takes_changed_settings_without_a_failed_request")),
    _row(427, "down and up -d", "the same", "engine", c.typed("docker-compose down"),
         c.typed("docker-compose up -d")),
    _row(433, "pg_dump into a file", "`docker-compose exec -T lifeos-db pg_dump …`; better `deploy.sh backup`",
         "renamed",
         c.typed("docker-compose exec -T lifeos-db pg_dump -U lifeos lifeos"),
         c.deploy_sh("backup", says="manage.py backup")),
    _row(439, "stop lifeos-web lifeos-worker", "the same", "engine",
         c.typed("docker-compose stop lifeos-web lifeos-worker")),
    _row(440, "a dump into psql", "into an empty database, [by hand](backup.md#by-hand-pg_dump); better `deploy.sh restore`", "renamed",
         c.proved_by(BY_HAND, "test_a_plain_dump_and_its_recovery_work_as_the_page_says"),
         c.deploy_sh("restore", "production", "latest", says="restore latest")),
    _row(441, "start lifeos-web lifeos-worker", "the same", "engine",
         c.typed("docker-compose start lifeos-web lifeos-worker")),
]  # fmt: skip

SECURITY = [
    _row(448, "secrets every 90 days", "[LifeosSecretOld](runbooks/LifeosSecretOld.md), [security](security.md#changing-them)", "same",
         c.alert("LifeosSecretOld", "warning"), c.says("lifeos_project/security/secret_age.py", "LONGEST_DAYS = 90")),
    _row(449, "32 characters", "fewer are refused in production", "same",
         c.refused_in_production({"SECRET_KEY": "k3Jx9vQ2"}, says="at least 32 are needed")),
    _row(450, "TLS at the proxy", "nginx; HSTS", "same", c.proved_by(RUNNING, "test_only_modern_tls_is_spoken")),
    _row(451, "the database's subnet", "a network without a way out", "same",
         c.proved_by(FILES, "test_the_database_is_on_a_network_without_a_way_out")),
    _row(452, "audit logging", "*Audit trail* in the admin, [access](access.md)", "same",
         c.sql("SELECT at, action FROM identity_auditrecord LIMIT 1")),
    _row(453, "rate limits", "`NGINX_RATE`, `NGINX_SIGN_IN_RATE`, and throttles of the API", "same",
         c.proved_by(RUNNING, "test_guessing_passwords_is_slowed_down_and_reading_is_not")),
    _row(454, "renovate", "`renovate.json`", "same", c.says("renovate.json", "config:recommended")),
]  # fmt: skip

SUPPORT = [
    _row(460, "Slack", "`SLACK_WEBHOOK_URL`; the channel is that of the webhook", "yours",
         c.says("docs/monitoring.md", "`SLACK_WEBHOOK_URL`")),
    _row(461, "e-mail", "`ALERT_EMAIL_TO`", "yours", c.says("docs/monitoring.md", "`ALERT_EMAIL_TO`")),
    _row(462, "PagerDuty", "`PAGERDUTY_SERVICE_KEY`; who is on call is planned there", "yours",
         c.says("docs/monitoring.md", "`PAGERDUTY_SERVICE_KEY`")),
    _row(463, "architecture", "[architecture](architecture.md)", "renamed", c.says("docs/architecture.md", "# ")),
]  # fmt: skip

SECTIONS = {
    "Quick start": QUICK_START,
    "Deployment architecture": ARCHITECTURE,
    "Local development": DEVELOPMENT,
    "Production deployment": PRODUCTION,
    "Monitoring": MONITORING,
    "Troubleshooting": TROUBLESHOOTING,
    "Runbooks": RUNBOOKS,
    "Security": SECURITY,
    "Support": SUPPORT,
}
ROWS = [row for rows in SECTIONS.values() for row in rows]

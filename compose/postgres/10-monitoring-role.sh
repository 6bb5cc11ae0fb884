#!/bin/sh
# Runs once, when PostgreSQL's volume is new: a role that may read statistics and nothing else, for the exporter.
# For a database that is there already: docker-compose exec lifeos-db sh /docker-entrypoint-initdb.d/10-monitoring-role.sh
set -eu
[ -n "${POSTGRES_MONITORING_PASSWORD:-}" ] || exit 0

psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_MONITORING_PASSWORD" \
  -U "$POSTGRES_USER" -d "$POSTGRES_DB" --no-psqlrc --quiet << 'SQL'
SELECT 'CREATE ROLE lifeos_monitoring' WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'lifeos_monitoring')
\gexec
ALTER ROLE lifeos_monitoring WITH LOGIN PASSWORD :'password' CONNECTION LIMIT 5;
GRANT pg_monitor TO lifeos_monitoring;
SQL

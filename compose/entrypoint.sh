#!/bin/sh
# What a container of the image runs: web, worker, or any command (`manage.py …` too).
# Ten replicas may start at once: `migrate` lets one apply the migrations and the others wait for it.
set -eu
cd "$(dirname "$0")/.."

# Where the processes of one container add up their metrics; the library does not make it.
[ -z "${PROMETHEUS_MULTIPROC_DIR:-}" ] || mkdir -p "$PROMETHEUS_MULTIPROC_DIR"

role=${1:-web}
[ $# -eq 0 ] || shift

case $role in
  web)
    python manage.py migrate --if-wanted --wait 60 --noinput --skip-checks --verbosity 1
    unset DATABASE_OWNER_URL DATABASE_OWNER_URL_FILE POSTGRES_OWNER_PASSWORD POSTGRES_OWNER_PASSWORD_FILE
    exec gunicorn -c compose/gunicorn.conf.py "$@"
    ;;
  worker)
    unset DATABASE_OWNER_URL DATABASE_OWNER_URL_FILE POSTGRES_OWNER_PASSWORD POSTGRES_OWNER_PASSWORD_FILE
    exec python manage.py outbox_worker "$@"
    ;;
  manage.py)
    exec python manage.py "$@"
    ;;
  *)
    exec "$role" "$@"
    ;;
esac

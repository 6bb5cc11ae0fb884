#!/bin/sh
# Becomes PostgreSQL. A new volume takes the owner's password from here; one that is there keeps its own.
set -eu
if [ "${APP_ENV:-production}" = development ]; then
  export POSTGRES_PASSWORD="${POSTGRES_PASSWORD:-lifeos}"
  export POSTGRES_MONITORING_PASSWORD="${POSTGRES_MONITORING_PASSWORD:-lifeos}"
else
  # What .env.example and guides print is known to everybody; a command is for a shell, and stays one in .env.
  case "${POSTGRES_PASSWORD:-}" in
    "" | lifeos | "\$("*)
      echo "POSTGRES_PASSWORD is missing in .env, or an example's: make one with openssl rand -hex 32" >&2
      exit 1
      ;;
  esac
fi
exec docker-entrypoint.sh "$@"

#!/bin/sh
# Becomes Grafana. Its own default password, which everybody tries first, is for development only.
set -eu
if [ "${APP_ENV:-production}" != development ]; then
  case "$GF_SECURITY_ADMIN_PASSWORD" in
    grafana | admin | "\$("*)
      echo "GRAFANA_PASSWORD is missing in .env, or an example's: make one with openssl rand -hex 24" >&2
      exit 1
      ;;
  esac
fi
exec /run.sh "$@"

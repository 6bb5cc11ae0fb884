#!/bin/sh
# Becomes Redis, with a password unless this is development.
set -eu
password=${REDIS_PASSWORD:-}
if [ "${APP_ENV:-production}" != development ]; then
  case "$password" in
    "\$("*) password="" ;;
  esac
  case "$password${REDIS_URL:-redis://redis}" in
    redis://redis | redis://redis[:/]* | redis://*@redis | redis://*@redis[:/]*)
      echo "REDIS_PASSWORD is missing in .env: make one with openssl rand -hex 32" >&2
      exit 1
      ;;
  esac
  # With a Redis elsewhere nobody needs this one, and nobody gets in.
  [ -n "$password" ] || password=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
fi
# Only keys with a time to live are thrown out when memory is short: cache and copies of sessions, not the workers' queue.
exec redis-server --requirepass "$password" --protected-mode no --appendonly yes --maxmemory 384mb \
  --maxmemory-policy volatile-lru "$@"

#!/bin/sh
# Writes down the one login that the pool knows, and becomes PgBouncer.
set -eu
umask 077
# In the file a quotation mark is written twice.
password=$(printf %s "$POSTGRES_PASSWORD" | sed 's/"/""/g')
printf '"%s" "%s"\n' "${POSTGRES_USER:-lifeos_app}" "$password" > /run/lifeos/userlist.txt
exec pgbouncer /etc/pgbouncer/pgbouncer.ini

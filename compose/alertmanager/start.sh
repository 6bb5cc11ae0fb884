#!/bin/sh
# Alertmanager knows no variables: the secrets go into files that only it can read, and a receiver without its secret is
# left out. With neither, alerts are shown on port 9093 and told to nobody.
set -eu
umask 077
here=$(dirname "$0")
run=/run/lifeos

keep() {
  # keep VARIABLE VALUE: store the value, or take the receiver's lines out.
  if [ -n "$2" ]; then
    printf %s "$2" > "$run/$1"
  else
    echo "alertmanager: $1 is empty, nothing is sent there" >&2
    sed -i "/# if $1/,/# end $1/d" "$run/alertmanager.yml"
  fi
}

cp "$here/alertmanager.yml" "$run/alertmanager.yml"
# Runbooks are named by their path in the checkout; with the address of your copy they become links.
sed "s|LIFEOS_DOCS_URL|${LIFEOS_DOCS_URL:-}|" "$here/alertmanager.tmpl" > "$run/alertmanager.tmpl"
[ -z "${PAGERDUTY_URL:-}" ] || sed -i "s|^  pagerduty_url: .*|  pagerduty_url: $PAGERDUTY_URL|" "$run/alertmanager.yml"
keep slack-webhook-url "${SLACK_WEBHOOK_URL:-}"
keep pagerduty-service-key "${PAGERDUTY_SERVICE_KEY:-}"
exec "${ALERTMANAGER:-alertmanager}" --config.file="$run/alertmanager.yml" "$@"

#!/bin/sh
# Alertmanager knows no variables: secrets go into files that only it can read, addresses into its copy of the
# configuration, and a receiver whose variable is empty is left out. With none, alerts are shown on port 9093 and told to
# nobody.
set -eu
umask 077
here=$(dirname "$0")
run=${ALERTMANAGER_RUN_DIR:-/run/lifeos}
config=$run/alertmanager.yml

without() { sed -i "/# if $1\$/,/# end $1\$/d" "$config"; }

# keep NAME VALUE: the secret in a file, or the lines that need it out.
keep() {
  if [ -n "$2" ]; then printf %s "$2" > "$run/$1"; else without "$1"; fi
}

# fill VARIABLE VALUE: in the place of @VARIABLE@, between YAML's single quotation marks.
fill() {
  value=$(printf %s "$2" | sed "s/'/''/g; s/[&|\\\\]/\\\\&/g")
  sed -i "s|@$1@|$value|" "$config"
}

# receiver NAME VALUE: whether this one is told anything.
receiver() {
  [ -n "$2" ] && return
  echo "alertmanager: $1 is empty, nothing is sent there" >&2
  without "$1"
  return 1
}

sed "s|/run/lifeos|$run|" "$here/alertmanager.yml" > "$config"
# Runbooks are named by their path in the checkout; with the address of your copy they become links.
sed "s|LIFEOS_DOCS_URL|${LIFEOS_DOCS_URL:-}|" "$here/alertmanager.tmpl" > "$run/alertmanager.tmpl"
[ -z "${PAGERDUTY_URL:-}" ] || sed -i "s|^  pagerduty_url: .*|  pagerduty_url: $PAGERDUTY_URL|" "$config"

if receiver slack-webhook-url "${SLACK_WEBHOOK_URL:-}"; then keep slack-webhook-url "$SLACK_WEBHOOK_URL"; fi
if receiver pagerduty-service-key "${PAGERDUTY_SERVICE_KEY:-}"; then keep pagerduty-service-key "$PAGERDUTY_SERVICE_KEY"; fi
if receiver deadmansswitch-url "${DEADMANSSWITCH_URL:-}"; then fill DEADMANSSWITCH_URL "$DEADMANSSWITCH_URL"; fi

if [ -n "${ALERT_EMAIL_TO:-}" ] && [ -z "${EMAIL_HOST:-}" ]; then
  echo "alertmanager: ALERT_EMAIL_TO is set but EMAIL_HOST is empty, so no mail can be sent" >&2
  ALERT_EMAIL_TO=
fi
if receiver alert-email-to "${ALERT_EMAIL_TO:-}"; then
  fill ALERT_EMAIL_TO "$ALERT_EMAIL_TO"
  fill DEFAULT_FROM_EMAIL "${DEFAULT_FROM_EMAIL:-lifeos@localhost}"
  fill EMAIL_HOST "$EMAIL_HOST"
  fill EMAIL_PORT "${EMAIL_PORT:-587}"
  fill EMAIL_HOST_USER "${EMAIL_HOST_USER:-}"
  [ -n "${EMAIL_HOST_USER:-}" ] || without email-host-user
  printf %s "${EMAIL_HOST_PASSWORD:-}" > "$run/email-host-password"
  case ${EMAIL_USE_TLS:-true} in [Ff]alse | 0 | no | off) sed -i "s|require_tls: true|require_tls: false|" "$config" ;; esac
fi

if receiver ntfy-url "${NTFY_URL:-}"; then
  # {{.groupLabels.alertname}}: {{.status}}, and a line for each alert, as ntfy writes them.
  title='%7B%7B.groupLabels.alertname%7D%7D%3A%20%7B%7B.status%7D%7D'
  text='%7B%7Brange%20.alerts%7D%7D%7B%7B.annotations.summary%7D%7D.%20%7B%7B.annotations.description%7D%7D%0A%7B%7Bend%7D%7D'
  fill NTFY_URL "$NTFY_URL?tpl=1&t=$title&m=$text"
  keep ntfy-token "${NTFY_TOKEN:-}"
fi
if receiver alert-webhook-url "${ALERT_WEBHOOK_URL:-}"; then
  fill ALERT_WEBHOOK_URL "$ALERT_WEBHOOK_URL"
  keep alert-webhook-token "${ALERT_WEBHOOK_TOKEN:-}"
fi
exec "${ALERTMANAGER:-alertmanager}" --config.file="$config" "$@"

#!/bin/sh
# Prometheus reads the token for /metrics from a file; an empty METRICS_TOKEN gives an empty one, which is not looked at.
set -eu
umask 077
printf %s "${METRICS_TOKEN:-}" > /run/lifeos/metrics-token
exec prometheus "$@"

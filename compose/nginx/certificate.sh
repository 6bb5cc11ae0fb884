#!/bin/sh
# Run by the image before nginx, after the templates are filled in. Without a certificate production does not start, and
# says why; development serves the site without TLS, on both ports.
set -eu
if [ -r "$NGINX_TLS_DIR/fullchain.pem" ] && [ -r "$NGINX_TLS_DIR/privkey.pem" ]; then
  exit 0
fi
if [ "${APP_ENV:-production}" != development ]; then
  echo "There is no certificate that user 101 can read: fullchain.pem and privkey.pem in LIFEOS_TLS_DIR" \
    "(./compose/tls). deploy/scripts/deploy.sh init makes a self-signed one." >&2
  exit 1
fi
echo "There is no certificate, so the site is served without TLS (development)." >&2
find "$NGINX_RUN_DIR" -name '*.conf' 2> /dev/null | while read -r file; do
  # Servers with a certificate are left out, and what led to them serves the site itself.
  awk '
    /^ *server \{/ && depth == 0 { inside = 1; block = "" }
    inside {
      block = block $0 "\n"
      depth += gsub(/\{/, "{") - gsub(/\}/, "}")
      if (depth == 0) { inside = 0; if (block !~ /ssl_certificate/) printf "%s", block }
      next
    }
    { print }
  ' "$file" | sed 's#return 308 https:.*#include lifeos/proxy.conf; proxy_pass http://lifeos_web;#' > "$file.draft"
  mv "$file.draft" "$file"
done

# deploy.sh init: a file of settings with fresh secrets, and a certificate. What is there already stays as it is. Which
# settings, where the certificate is and what comes next are the driver's: write_settings, tls_directory, what_is_next.
# shellcheck shell=bash

make_installation() {
  local host=${OPTIONS[host]:-${LIFEOS_HOST:-}} email=${OPTIONS[email]:-${LIFEOS_OPERATOR_EMAIL:-}}
  if [ -f "$ENV_FILE" ]; then
    say "$ENV_FILE is there already and stays as it is."
    host=$(named_in_env SITE_URL)
    host=${host#https://}
    host=${host%%[:/]*}
  else
    host=$(answer "$host" "Host name of the site (books.example.org): ") || die "Which host? --host books.example.org"
    [[ $host =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]] || die "$host is no host name; write it without https:// and port."
  fi
  email=$(answer "$email" "E-mail address of the first operator: ") || die "Who is the first operator? --email anna@example.org"
  [[ $email =~ ^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$ ]] || die "$email is no e-mail address."
  command -v openssl > /dev/null || die "openssl is not installed; it makes the secrets."
  [ -f "$ENV_FILE" ] || act write_settings "$host"
  prepare_tls "$(tls_directory)" "${host:-localhost}"
  say "
Next:
$(what_is_next "$email")"
}

# What was given, or what somebody at a terminal answers.
answer() {
  local said=$1
  if [ -z "$said" ] && [ -t 0 ]; then
    read -r -p "$2" said
  fi
  [ -n "$said" ] || return 1
  echo "$said"
}

# What both drivers' settings begin with, for the host that is named.
# shellcheck disable=SC2317  # through act
common_settings() {
  cat << TEXT
# Production; written by deploy.sh init. Keep a copy where the backups are not. docs/configuration.md and docs/install.md
# name what else may stand here.
APP_ENV=production
ALLOWED_HOSTS=$1,localhost
CSRF_TRUSTED_ORIGINS=https://$1
SITE_URL=https://$1
SECRET_KEY=$(openssl rand -base64 48)
JWT_SECRET_KEY=$(openssl rand -base64 48)
TEXT
}

# What comes in, to a file for its owner only. It is written beside its place and linked there, which never replaces a
# file and never shows half of one.
# shellcheck disable=SC2317  # through act
write_once() {
  local draft=$1.draft.$$ done=0
  (umask 077 && cat > "$draft")
  ln "$draft" "$1" || done=$?
  rm -f "$draft"
  [ $done -eq 0 ] || die "$1 could not be written."
  say "$1 has fresh secrets; only its owner may read it."
}

prepare_tls() {
  if [ -f "$1/fullchain.pem" ] || [ -f "$1/privkey.pem" ]; then
    say "The certificate in $1 is there already and stays as it is."
    return
  fi
  if [ -n "${OPTIONS[certificate]:-}${OPTIONS[key]:-}" ]; then
    if [ ! -r "${OPTIONS[certificate]:-}" ] || [ ! -r "${OPTIONS[key]:-}" ]; then
      die "--certificate and --key name two files, and both must be readable."
    fi
  fi
  act make_tls "$@"
}

# shellcheck disable=SC2317  # through act
make_tls() {
  mkdir -p "$1"
  if [ -n "${OPTIONS[certificate]:-}" ]; then
    install -m 644 "${OPTIONS[certificate]}" "$1/fullchain.pem"
    install -m 600 "${OPTIONS[key]}" "$1/privkey.pem"
    say "The certificate is in $1."
  else
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 397 -subj "/CN=$2" \
      -addext "subjectAltName=DNS:$2,DNS:localhost" -keyout "$1/privkey.pem" -out "$1/fullchain.pem" 2> /dev/null \
      || die "openssl could not make a certificate for $2."
    chmod 600 "$1/privkey.pem"
    say "A self-signed certificate for $2 is in $1; docs/install.md has the way to a real one."
  fi
  hand_over_tls "$1"
}

# Driver of deploy.sh: releases in directories, gunicorn instances behind nginx, workers, on one machine.
#
#   $LIFEOS_HOME/releases/NAME       a release with its environment; shared/lifeos.env the settings; shared/var the data
#   $LIFEOS_HOME/instances/web-8001  a link to the release that this process runs
#   $LIFEOS_HOME/run/upstream.conf   the servers that nginx sends requests to, without the one that is being replaced
#   $LIFEOS_HOME/run/www/static      a link to the static files of the release that runs, for nginx
#
# MANAGER=systemd uses the units in deploy/systemd; MANAGER=pidfile starts plain processes with their numbers in run/.
# shellcheck shell=bash

driver_settings() {
  : "${LIFEOS_HOME:?name the directory of the installation}"
  # Where this checkout was cloned from, unless the configuration names another place.
  : "${SOURCE:=$(git -C "$CHECKOUT" remote get-url origin 2> /dev/null || true)}"
  : "${SOURCE:?name the repository that releases come from}"
  : "${WEB_PORTS:=8001 8002}" "${WORKERS:=1}" "${MANAGER:=systemd}" "${KEPT_RELEASES:=5}" "${STOP_SECONDS:=30}"
  : "${BUILD:=make .venv/.installed && .venv/bin/python manage.py collectstatic --noinput --verbosity 0}"
  : "${NGINX_RELOAD:=nginx -t -q && nginx -s reload}"
  ENV_FILE=${ENV_FILE:-$LIFEOS_HOME/shared/lifeos.env}
  # DATABASE_OWNER_URL: for the commands of this script, not for web and workers.
  OWNER_FILE=${OWNER_FILE:-$LIFEOS_HOME/shared/owner.env}
  STATE=$LIFEOS_HOME/run
  RELEASES=$LIFEOS_HOME/releases
  INSTANCES=()
  local port number
  for ((number = 1; number <= WORKERS; number++)); do INSTANCES+=("worker-$number"); done
  for port in $WEB_PORTS; do INSTANCES+=("web-$port"); done
}

driver_current() { name_behind "$LIFEOS_HOME/current"; }
driver_previous() { name_behind "$LIFEOS_HOME/previous"; }
name_behind() { [ ! -L "$1" ] || basename "$(readlink "$1")"; }

# A release is named by its tag or branch and its commit, so the same code is built once.
driver_fetch() {
  local commit
  REF=${REF:-${DEFAULT_REF:-main}}
  commit=$(git ls-remote "$SOURCE" "$REF" "refs/tags/$REF^{}" "refs/heads/$REF" | tail -1 | cut -c1-12)
  [ -n "$commit" ] || die "$SOURCE has no $REF."
  RELEASE=${REF//\//-}-$commit
}

driver_build() {
  local directory=$RELEASES/$RELEASE
  act make_directories
  [ ! -f "$directory/.built" ] || return 0
  say "Building $RELEASE."
  act rm -rf "$directory"
  act git -c advice.detachedHead=false clone --quiet --depth 1 --branch "$REF" "$SOURCE" "$directory"
  act build_in "$directory"
}

# With the installation's settings: production's static files carry their digest in their names.
build_in() {
  (cd "$1" && export_settings && eval "$BUILD") || die "Nothing was changed: $RELEASE could not be built."
  echo "$RELEASE" > "$1/RELEASE"
  touch "$1/.built"
}

driver_init() {
  act make_directories
  make_installation
}

# The owner's login apart: web and workers do without it.
# shellcheck disable=SC2317  # through act
write_settings() {
  [ -f "$OWNER_FILE" ] || write_once "$OWNER_FILE" << TEXT
# The role that owns the tables; written by deploy.sh init.
DATABASE_OWNER_URL=postgresql://lifeos@127.0.0.1:5432/lifeos
POSTGRES_OWNER_PASSWORD=$(openssl rand -hex 32)
TEXT
  {
    common_settings "$1"
    cat << TEXT
DATABASE_URL=postgresql://lifeos_app@127.0.0.1:5432/lifeos
POSTGRES_PASSWORD=$(openssl rand -hex 32)
REDIS_URL=redis://127.0.0.1:6379/0
TEXT
  } | write_once "$ENV_FILE"
}

tls_directory() { echo "${NGINX_TLS_DIR:-/etc/lifeos/tls}"; }

# nginx reads the key as root.
# shellcheck disable=SC2317  # through act
hand_over_tls() { :; }

what_is_next() {
  cat << TEXT
  docs/install.md#without-containers: the database's roles, systemd's units
  deploy/scripts/deploy.sh nginx $ENVIRONMENT
  deploy/scripts/deploy.sh deploy $ENVIRONMENT
  deploy/scripts/deploy.sh manage $ENVIRONMENT createsuperuser --email $1
  curl $HEALTH_URL
TEXT
}

# nginx wants its upstream before the first release is there.
make_directories() {
  [ -z "${RUN_AS:-}" ] || id "$RUN_AS" > /dev/null 2>&1 || die "There is no user $RUN_AS (RUN_AS): useradd --system $RUN_AS makes one."
  mkdir -p "$RELEASES" "$LIFEOS_HOME/instances" "$LIFEOS_HOME/shared/var" "$STATE/www"
  ln -sfn "$LIFEOS_HOME/current/staticfiles" "$STATE/www/static"
  [ -z "${RUN_AS:-}" ] || chown "$RUN_AS" "$LIFEOS_HOME/shared/var"
  [ -s "$STATE/upstream.conf" ] || echo "server 127.0.0.1:${WEB_PORTS%% *} max_fails=0;" > "$STATE/upstream.conf"
}

# The site that containers have, in the nginx of this machine. What it says now stays until nginx accepts the new one.
driver_nginx() {
  : "${NGINX_DIRECTORY:=/etc/nginx}" "${NGINX_TEST:=nginx -t -q}" "${NGINX_TLS_DIR:=/etc/lifeos/tls}"
  : "${NGINX_HTTP_LISTEN:=80}" "${NGINX_HTTPS_LISTEN:=443}" "${NGINX_LOCAL_LISTEN:=127.0.0.1:8000}"
  : "${NGINX_ACME_ROOT:=/var/www/lifeos-acme}" "${NGINX_ACCESS_LOG:=/var/log/nginx/lifeos.log}"
  : "${NGINX_TRUSTED_PROXY:=127.0.0.1/32}" "${NGINX_HSTS_SECONDS:=31536000}"
  : "${NGINX_RATE:=30r/s}" "${NGINX_SIGN_IN_RATE:=30r/m}"
  # shellcheck disable=SC2034  # fill_in reads them by their names
  NGINX_UPSTREAM="include $STATE/upstream.conf;" NGINX_STATIC_ROOT=$STATE/www
  local file
  for file in fullchain.pem privkey.pem; do
    [ -s "$NGINX_TLS_DIR/$file" ] || die "Nothing was changed: nginx needs $NGINX_TLS_DIR/$file (docs/install.md makes one)."
  done
  act make_directories
  act write_site
}

write_site() {
  local template site=$NGINX_DIRECTORY/lifeos draft=$NGINX_DIRECTORY/lifeos.draft
  local entry=$NGINX_DIRECTORY/conf.d/lifeos.conf before=$NGINX_DIRECTORY/lifeos.before
  rm -rf "$draft" "$before"
  mkdir -p "$draft" "$NGINX_DIRECTORY/conf.d" "$NGINX_ACME_ROOT"
  for template in "$CHECKOUT"/compose/nginx/templates/lifeos/*.template; do
    fill_in "$template" > "$draft/$(basename "$template" .template)"
  done
  [ ! -d "$site" ] || mv "$site" "$before"
  mv "$draft" "$site"
  echo "include lifeos/http.conf;" > "$entry"
  if ! eval "$NGINX_TEST"; then
    rm -rf "$site"
    if [ -d "$before" ]; then mv "$before" "$site"; else rm "$entry"; fi
    die "nginx does not take the site, so its configuration is as it was. The lines above say why. Debian's own page \
($NGINX_DIRECTORY/sites-enabled/default) claims port 80 too and must go."
  fi
  rm -rf "$before"
  say "The site is in $site."
  eval "$NGINX_RELOAD" || die "nginx is not running, or does not reload: start it."
}

# A template with the NGINX_… of this shell in the place of their names, as envsubst does it in the container.
fill_in() {
  local name text
  text=$(< "$1")
  for name in "${!NGINX_@}"; do text=${text//"\${$name}"/"${!name}"}; done
  printf '%s\n' "$text"
}

driver_is_running_this() {
  local name
  [ "$(driver_current)" = "$RELEASE" ] || return 1
  for name in "${INSTANCES[@]}"; do is_at "$name" "$RELEASE" || return 1; done
  answers "$HEALTH_URL"
}

driver_preflight() { driver_manage_as "$RELEASE" preflight "$@"; }
driver_migrate() { driver_manage_as "$RELEASE" migrate --noinput --verbosity 1; }

# manage.py of a release, with the installation's settings.
driver_manage_as() {
  local release=$1
  shift
  [ -n "$release" ] || die "No release is installed yet: deploy.sh deploy."
  act with_settings "$RELEASES/$release" .venv/bin/python manage.py "$@"
}

# Run a command in a directory with the variables of the settings file, and with the owner's login if it is there.
with_settings() {
  (
    [ ! -f "$OWNER_FILE" ] || export_variables "$OWNER_FILE"
    become "$@"
  )
}

become() {
  cd "$1" || exit
  shift
  export_settings
  # Files of the installation belong to the user that its processes run as.
  exec ${RUN_AS:+runuser -u "$RUN_AS" --} "$@"
}

export_settings() {
  [ -r "$ENV_FILE" ] || die "Nothing was changed: the settings $ENV_FILE cannot be read."
  export LIFEOS_VAR_DIR=$LIFEOS_HOME/shared/var
  export_variables "$ENV_FILE"
}

# A file of variables is read and not executed.
export_variables() {
  local name value
  while IFS='=' read -r name value; do
    case $name in "" | \#*) continue ;; esac
    value=${value#[\"\']}
    export "$name=${value%[\"\']}"
  done < "$1"
}

driver_stop() {
  local name
  say "Stopping everything."
  for name in "${INSTANCES[@]}"; do act stop_instance "$name"; done
}

# One process after the other: out of nginx, replaced, ready, back in. Workers first, so that they know every event
# that the new web processes emit.
driver_roll_to() {
  local name
  for name in "${INSTANCES[@]}"; do
    if [ "$DRY_RUN" = true ]; then
      echo "would replace: $name by $1"
    elif ! is_at "$name" "$1"; then
      replace "$name" "$1" || return 1
    fi
  done
  # Requests go to all of them again, also when a process before failed.
  act route_around "" || return 1
}

# After this no process counts as running its release, so each is replaced, also by the same.
driver_forget() {
  local name
  for name in "${INSTANCES[@]}"; do act rm -f "$LIFEOS_HOME/instances/$name"; done
}

replace() {
  say "Replacing $1 by $2."
  [[ $1 != web-* ]] || route_around "$1" || return 1
  stop_instance "$1" || return 1
  ln -sfn "$RELEASES/$2" "$LIFEOS_HOME/instances/$1"
  start_instance "$1" || return 1
  # One that has ended will not become ready, and one that is not yet ready may.
  if ! wait_for "$1" ended_or_ready "$1" || ! is_ready "$1"; then
    say "$1 did not come up."
    return 1
  fi
  [[ $1 != web-* ]] || route_around "" || return 1
}

# nginx's servers: every web process that runs, but for the one that is named.
route_around() {
  local port draft=$STATE/upstream.conf.draft
  : > "$draft"
  for port in $WEB_PORTS; do
    if [ "web-$port" != "$1" ] && runs "web-$port"; then
      echo "server 127.0.0.1:$port max_fails=0;" >> "$draft"
    fi
  done
  # nginx refuses an upstream without servers; a first start has none to spare.
  [ -s "$draft" ] || echo "server 127.0.0.1:${WEB_PORTS%% *} max_fails=0;" > "$draft"
  mv "$draft" "$STATE/upstream.conf"
  eval "$NGINX_RELOAD" || { say "nginx does not take its configuration."; return 1; }
  # Its old processes end after the requests at hand; new ones no longer go to the instance.
  sleep "${DRAIN_SECONDS:-1}"
}

is_at() { [ "$(name_behind "$LIFEOS_HOME/instances/$1")" = "$2" ] && runs "$1" && is_ready "$1"; }

ended_or_ready() { ! runs "$1" || is_ready "$1"; }

# A worker that hangs at its start runs, too: what proves it is its heartbeat in the database.
is_ready() {
  runs "$1" || return 1
  case $1 in
    web-*) answers "http://127.0.0.1:${1#web-}/health/ready" ;;
    *) (become "$LIFEOS_HOME/instances/$1" .venv/bin/python compose/healthcheck.py worker "$(pid_of "$1")") > /dev/null 2>&1 ;;
  esac
}

driver_all_ready() {
  local name
  for name in "${INSTANCES[@]}"; do
    is_ready "$name" || { say "$name is not ready."; return 1; }
  done
}

driver_keep() {
  if [ -n "$2" ] && [ "$1" != "$2" ]; then
    act ln -sfn "$RELEASES/$2" "$LIFEOS_HOME/previous"
  fi
  act ln -sfn "$RELEASES/$1" "$LIFEOS_HOME/current"
  act touch "$RELEASES/$1/.deployed"
  act remove_old_releases
}

# The newest that ever ran stay. One that failed is kept until another one works, to look into.
remove_old_releases() {
  local name kept=0
  while read -r name; do
    if [ "$name" = "$(driver_current)" ] || [ "$name" = "$(driver_previous)" ]; then
      kept=$((kept + 1))
    elif [ -f "$RELEASES/$name/.deployed" ] && [ $kept -lt "$KEPT_RELEASES" ]; then
      kept=$((kept + 1))
    else
      rm -rf "${RELEASES:?}/$name"
    fi
  done < <(find "$RELEASES" -mindepth 1 -maxdepth 1 -printf '%T@ %f\n' | sort -rn | cut -d' ' -f2-)
}

driver_status() {
  local name state
  echo "current   $(driver_current)"
  echo "previous  $(driver_previous)"
  for name in "${INSTANCES[@]}"; do
    state=down
    ! runs "$name" || state=up
    ! is_ready "$name" || state=ready
    printf '%-9s %-6s %s\n' "$name" "$state" "$(name_behind "$LIFEOS_HOME/instances/$name")"
  done
}

driver_logs() {
  if [ "$MANAGER" = systemd ]; then
    act journalctl --follow --lines 50 --unit "$(unit_of "${1:-*}")"
  else
    # shellcheck disable=SC2086  # all of them, unless one is named
    act tail --lines 50 --follow=name "$STATE"/${1:-*}.log
  fi
}

# --- how processes are started and stopped -------------------------------------------------------------------------

unit_of() { echo "lifeos-${1/-/@}.service"; }

runs() {
  if [ "$MANAGER" = systemd ]; then
    systemctl is-active --quiet "$(unit_of "$1")"
  else
    is_ours "$1"
  fi
}

pid_of() {
  if [ "$MANAGER" = systemd ]; then
    systemctl show --property MainPID --value "$(unit_of "$1")"
  else
    cut -d' ' -f1 "$STATE/$1.pid"
  fi
}

# Numbers are used again, after a restart of the machine at the latest: a process is ours when it also began at the
# moment that was noted with its number.
is_ours() {
  local pid began
  [ -f "$STATE/$1.pid" ] || return 1
  read -r pid began < "$STATE/$1.pid" || return 1
  [ -n "$began" ] && [ "$began" = "$(began_at "$pid")" ]
}

# Which start of the machine, and ticks since then; nothing for a process that is not there, or only its parent's to bury.
began_at() {
  local stat
  stat=$(cat "/proc/$1/stat" 2> /dev/null) || return 0
  # The name of the program, in brackets, may hold blanks.
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [ "$1" = Z ] || echo "$(cat /proc/sys/kernel/random/boot_id):${20}"
}

start_instance() {
  if [[ $1 == web-* ]] && answers "http://127.0.0.1:${1#web-}/health/live"; then
    say "Somebody else answers on port ${1#web-}."
    return 1
  fi
  if [ "$MANAGER" = systemd ]; then
    systemctl enable --quiet --now "$(unit_of "$1")"
    return
  fi
  local command=(.venv/bin/python manage.py outbox_worker)
  [[ $1 != web-* ]] || command=(.venv/bin/gunicorn -c compose/gunicorn.conf.py -b "127.0.0.1:${1#web-}")
  # Its own session: it outlives this script and gets no Ctrl-C that is meant for it. It must not inherit our lock.
  rm -f "$STATE/$1.pid"
  # shellcheck disable=SC2016  # the inner shell expands these
  become "$LIFEOS_HOME/instances/$1" setsid sh -c 'echo $$ >&3 && exec 3>&- && exec "$@"' sh "${command[@]}" \
    < /dev/null >> "$STATE/$1.log" 2>&1 3> "$STATE/$1.pid.draft" {LOCK}>&- &
  wait_for "$1.pid" test -s "$STATE/$1.pid.draft" || return 1
  local pid
  pid=$(cat "$STATE/$1.pid.draft")
  echo "$pid $(began_at "$pid")" > "$STATE/$1.pid.draft"
  mv "$STATE/$1.pid.draft" "$STATE/$1.pid"
}

stop_instance() {
  if [ "$MANAGER" = systemd ]; then
    systemctl stop "$(unit_of "$1")"
    return
  fi
  local pid deadline=$((SECONDS + STOP_SECONDS))
  if is_ours "$1"; then
    read -r pid _ < "$STATE/$1.pid"
    kill -TERM "$pid" 2> /dev/null || true
    while is_ours "$1"; do
      [ $SECONDS -lt $deadline ] || { say "$1 does not end and is killed."; kill -KILL "$pid" 2> /dev/null || true; }
      sleep 0.1
    done
  fi
  rm -f "$STATE/$1.pid"
}

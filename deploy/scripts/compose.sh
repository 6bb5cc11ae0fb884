# Driver of deploy.sh: containers on one machine. A release is an image; .env names the one that runs, so that a plain
# `docker-compose up -d` finds nothing to do.
#
# Containers are made by plain `up` alone, from what .env says: whatever else it is told (variables, --no-deps) would be
# part of what compose remembers of a container, and the next plain `up` would replace it.
# shellcheck shell=bash

driver_settings() {
  : "${PROJECT_DIRECTORY:=$CHECKOUT}" "${DRAIN_SECONDS:=4}"
  # Without an image of a registry, releases are built here, from the checkout as it is.
  : "${PULL:=$([ -n "${IMAGE:-}" ] && echo true || echo false)}" "${IMAGE:=lifeos-web}"
  ENV_FILE=$PROJECT_DIRECTORY/.env
  STATE=${STATE_DIRECTORY:-$PROJECT_DIRECTORY/deploy/state/$ENVIRONMENT}
  : "${WEB_REPLICAS:=$(named_in_env LIFEOS_WEB_REPLICAS)}"
  WEB_REPLICAS=${WEB_REPLICAS:-2}
  # Whether containers are replaced although nothing about them changed.
  FRESH=false
  [ "$COMMAND" = init ] || find_compose
}

# The plugin, or the program of its own (1.29 and newer); the same commands and options are used of both.
find_compose() {
  if docker compose version > /dev/null 2>&1; then
    COMPOSE=(docker compose)
  elif command -v docker-compose > /dev/null; then
    COMPOSE=(docker-compose)
  elif [ "$DRY_RUN" = true ]; then
    COMPOSE=(docker compose)
  else
    die "Neither docker compose nor docker-compose is installed."
  fi
}

in_project() { (cd "$PROJECT_DIRECTORY" && "$@"); }
compose() { in_project act "${COMPOSE[@]}" "$@"; }

# What is only asked needs no dry run, and has nothing to answer in one.
asked() { [ "$DRY_RUN" = true ] || in_project "${COMPOSE[@]}" "$@"; }

# For pull, build and commands in containers that are thrown away: with another release than .env names.
compose_as() {
  local release=$1
  shift
  in_project act env "LIFEOS_IMAGE=$release" "LIFEOS_NGINX_IMAGE=$(nginx_of "$release")" "${COMPOSE[@]}" "$@"
}

# nginx holds the static files of a release: lifeos-web:v1 goes with lifeos-nginx:v1.
nginx_of() {
  local name=${1%:*}
  echo "${NGINX_IMAGE:-${name%-web}-nginx}:${1##*:}"
}

# What runs; without a deploy yet, what somebody started by hand.
driver_current() {
  local id
  if [ -f "$STATE/current" ] || [ "$DRY_RUN" = true ]; then
    remembered current
  elif id=$(containers_of lifeos-web | head -1) && [ -n "$id" ]; then
    docker inspect --format '{{.Config.Image}}' "$id"
  fi
}
driver_previous() { remembered previous; }

driver_nginx() { die "With DRIVER=compose nginx runs in a container of its own; there is nothing to write."; }

driver_init() { make_installation; }

# shellcheck disable=SC2317  # through act
write_settings() {
  {
    common_settings "$1"
    cat << TEXT
POSTGRES_PASSWORD=$(openssl rand -hex 32)
POSTGRES_APP_PASSWORD=$(openssl rand -hex 32)
REDIS_PASSWORD=$(openssl rand -hex 32)
POSTGRES_MONITORING_PASSWORD=$(openssl rand -hex 32)
GRAFANA_PASSWORD=$(openssl rand -hex 24)
COMPOSE_FILE=docker-compose.yml${OPTIONS[monitoring]:+:docker-compose.monitoring.yml}
TEXT
  } | write_once "$ENV_FILE"
}

tls_directory() {
  local tls
  tls=$(named_in_env LIFEOS_TLS_DIR)
  tls=${tls:-./compose/tls}
  [[ $tls = /* ]] || tls=$PROJECT_DIRECTORY/$tls
  echo "$tls"
}

# The user of nginx in its container.
# shellcheck disable=SC2317  # through act
hand_over_tls() { chown -R 101 "$1" 2> /dev/null || say "As root: chown -R 101 $1 (nginx runs as that user)."; }

what_is_next() {
  local port
  port=$(named_in_env LOCAL_PORT)
  cat << TEXT
  deploy/scripts/deploy.sh deploy $ENVIRONMENT
  docker-compose exec lifeos-web python manage.py createsuperuser --email $1
  curl http://localhost:${port:-8000}/health
TEXT
}

driver_fetch() {
  local wanted found
  REF=${REF:-${DEFAULT_REF:-}}
  if [ "$PULL" = true ]; then
    case $REF in
      "" | latest) die "Name a version (--ref, or DEFAULT_REF): latest is another image tomorrow, and there is no way back to it." ;;
    esac
  elif found=$(git -C "$PROJECT_DIRECTORY" rev-parse --verify --quiet HEAD); then
    wanted=$(git -C "$PROJECT_DIRECTORY" rev-parse --verify --quiet "${REF:-HEAD}^{commit}") || die "$PROJECT_DIRECTORY has no $REF."
    [ "$wanted" = "$found" ] || die "What is built is the checkout, and that is not at $REF: git checkout $REF"
    REF=${REF:-$(git -C "$PROJECT_DIRECTORY" describe --tags --always --exclude '*[/+]*')}
    # With changes that nobody has named, each build is a release of its own.
    [ -z "$(git -C "$PROJECT_DIRECTORY" status --porcelain --untracked-files=no)" ] || REF=$REF-$(date -u +%Y%m%dT%H%M%S)
  fi
  [ -n "$REF" ] || die "Name the release (--ref): $PROJECT_DIRECTORY is no git checkout that would."
  RELEASE=$IMAGE:${REF//\//-}
}

driver_is_running_this() {
  [ "$(driver_current)" = "$RELEASE" ] && [ "$(named_in_env LIFEOS_IMAGE)" = "$RELEASE" ] && answers "$HEALTH_URL"
}

driver_build() {
  [ -f "$ENV_FILE" ] || [ "$DRY_RUN" = true ] || die "There is no $ENV_FILE yet: deploy.sh init $ENVIRONMENT writes one."
  if [ "$PULL" = true ]; then
    compose_as "$RELEASE" pull lifeos-web lifeos-nginx || die "Nothing was changed: $RELEASE could not be pulled."
  else
    # lifeos-migrate has the recipe of the image that web and worker run.
    compose_as "$RELEASE" build lifeos-migrate lifeos-nginx || die "Nothing was changed: $RELEASE could not be built."
  fi
  compose_as "$RELEASE" run --rm --no-deps -T lifeos-backup-dir || die "Nothing was changed: the directory of the backups cannot be made."
  compose up --detach lifeos-db lifeos-redis || die "Nothing was changed: the database or Redis does not start."
  # shellcheck disable=SC2046  # one word per container
  become_healthy $(containers_of lifeos-db lifeos-redis) || die "Nothing was changed: the database or Redis is not well."
}

driver_preflight() { driver_manage_as "$RELEASE" preflight "$@"; }
driver_migrate() { driver_manage_as "$RELEASE" migrate --noinput; }

driver_manage_as() {
  local image=$1
  shift
  [ -n "$image" ] || die "No release is installed yet: deploy.sh deploy."
  compose_as "$image" run --rm --no-deps -T lifeos-migrate manage.py "$@"
}

driver_stop() {
  say "Stopping web and workers."
  compose stop lifeos-web lifeos-worker
}

# Migrations and workers first. Then new web replicas beside the old ones; when they are healthy, the old ones leave.
# nginx finds replicas by name and asks again every two seconds, so DRAIN_SECONDS later none of its processes knows of
# the old ones as the only ones. At last everything that .env says, nginx with the release's static files among it.
driver_roll_to() {
  act name_release "$1" || return 1
  [ "$FRESH" = false ] || compose rm --stop --force lifeos-worker || return 1
  compose up --detach lifeos-worker || return 1
  # shellcheck disable=SC2046
  become_healthy $(containers_of lifeos-worker) || return 1
  # One that is stopped must not be started beside the new ones.
  compose rm --force lifeos-web || return 1
  replace_web || return 1
  compose up --detach || return 1
  # shellcheck disable=SC2046
  become_healthy $(containers_of lifeos-worker lifeos-web lifeos-nginx)
}

replace_web() {
  local all old missing
  all=$(containers_of lifeos-web)
  old=$(outdated "$all") || return 1
  [ -n "$old" ] || [ "$DRY_RUN" = true ] || return 0
  missing=$((WEB_REPLICAS - $(wc -w <<< "$all") + $(wc -w <<< "$old")))
  [ $missing -gt 0 ] || missing=0
  compose up --detach --no-recreate --scale "lifeos-web=$(($(wc -w <<< "$all") + missing))" lifeos-web || { remove_unlike "$old"; return 1; }
  # shellcheck disable=SC2046
  become_healthy $(containers_of lifeos-web) || { remove_unlike "$old"; return 1; }
  act sleep "$DRAIN_SECONDS"
  # shellcheck disable=SC2086  # one word per container
  act docker stop -t 30 $old || return 1
  # shellcheck disable=SC2086
  act docker rm $old || return 1
}

# Those of the web replicas that are not as .env and the compose files want them now.
outdated() {
  local id wanted
  wanted=$(asked config --hash lifeos-web) || return 1
  for id in $1; do
    if [ "$FRESH" = true ] || [ "lifeos-web $(label_of "$id" com.docker.compose.config-hash)" != "$wanted" ]; then
      echo "$id"
    fi
  done
}

label_of() { docker inspect --format "{{index .Config.Labels \"$2\"}}" "$1"; }

# The new replicas did not become healthy: they go, those before them stay.
remove_unlike() {
  local id
  for id in $(containers_of lifeos-web); do
    grep -qx "$id" <<< "$1" || act docker rm --force "$id"
  done
}

# The next plain `up` uses these, by hand too.
# shellcheck disable=SC2317  # through act
name_release() {
  local draft=$ENV_FILE.draft names="LIFEOS_IMAGE|LIFEOS_NGINX_IMAGE|LIFEOS_WEB_REPLICAS" files=""
  if [ -n "${COMPOSE_FILES:-}" ]; then
    names="$names|COMPOSE_FILE"
    files="COMPOSE_FILE=${COMPOSE_FILES// /:}"
  fi
  cp --preserve=mode,ownership "$ENV_FILE" "$draft" || return 1
  {
    grep --invert-match --extended-regexp "^($names)=" "$ENV_FILE" || true
    printf '%s\n' "LIFEOS_IMAGE=$1" "LIFEOS_NGINX_IMAGE=$(nginx_of "$1")" "LIFEOS_WEB_REPLICAS=$WEB_REPLICAS" ${files:+"$files"}
  } > "$draft"
  mv "$draft" "$ENV_FILE"
}

containers_of() { asked ps --quiet "$@"; }

# Whether all of these containers get well. One that has ended, or is started again and again, does not.
become_healthy() {
  local id
  for id in "$@"; do
    wait_for "Container ${id:0:12}" is_settled "$id" || return 1
    [ "$(health_of "$id")" = healthy ] || { say "Container ${id:0:12} ($(label_of "$id" com.docker.compose.service)) is not well: deploy.sh logs."; return 1; }
  done
}

is_settled() { [ "$(health_of "$1")" != starting ]; }

health_of() {
  local status health restarts
  read -r status health restarts < <(docker inspect --format \
    '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}} {{.RestartCount}}' "$1") || return 0
  if [ "$status" != running ] || { [ "$health" = starting ] && [ "$restarts" -gt 1 ]; }; then
    echo "$status"
  else
    echo "$health"
  fi
}

driver_forget() { FRESH=true; }

# Health checks ask each web process, and of each worker its heartbeat in the database; that a container runs proves neither.
driver_all_ready() {
  local service
  for service in lifeos-web lifeos-worker; do
    all_healthy "$service" || { say "$service: a container is missing or not healthy; see docker compose ps."; return 1; }
  done
}

all_healthy() {
  local ids=() wanted states
  mapfile -t ids < <(asked ps --all --quiet "$1")
  wanted=$([ "$1" = lifeos-web ] && echo "$WEB_REPLICAS" || echo 1)
  [ "${#ids[@]}" -ge "$wanted" ] || return 1
  states=$(docker inspect --format '{{.State.Health.Status}}' "${ids[@]}") || return 1
  ! grep -vqx healthy <<< "$states"
}

driver_keep() {
  if [ -n "$2" ] && [ "$1" != "$2" ]; then
    act remember previous "$2"
  fi
  act remember current "$1"
}

driver_status() {
  echo "current   $(driver_current)"
  echo "previous  $(driver_previous)"
  compose ps
}

driver_logs() { compose logs --follow --tail 50 "${1:-lifeos-web}"; }

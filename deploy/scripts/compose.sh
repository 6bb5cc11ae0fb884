# Driver of deploy.sh: docker compose on one machine. A release is an image; its name is kept beside the data.
# shellcheck shell=bash

driver_settings() {
  : "${PROJECT_DIRECTORY:=$CHECKOUT}" "${IMAGE:=lifeos-web}" "${WEB_REPLICAS:=2}" "${DRAIN_SECONDS:=4}"
  : "${COMPOSE_FILES:=docker-compose.yml docker-compose.monitoring.yml}" "${PULL:=true}"
  # shellcheck disable=SC2034  # deploy.sh's
  STATE=${STATE_DIRECTORY:-$PROJECT_DIRECTORY/deploy/state/$ENVIRONMENT}
  COMPOSE=(docker compose --project-directory "$PROJECT_DIRECTORY")
  local file
  for file in $COMPOSE_FILES; do COMPOSE+=(--file "$PROJECT_DIRECTORY/$file"); done
}

driver_current() { remembered current; }
driver_previous() { remembered previous; }

driver_init() { :; }

with_image() {
  local image=$1
  shift
  act env "LIFEOS_IMAGE=$image" "$@"
}

driver_fetch() { RELEASE=$IMAGE:${REF:-${DEFAULT_REF:-latest}}; }

# `latest` may be another image tomorrow, so only a release that is pulled and equal is the same.
driver_is_running_this() { [ "$PULL" = false ] && [ "$(driver_current)" = "$RELEASE" ] && answers "$HEALTH_URL"; }

driver_build() {
  if [ "$PULL" = true ]; then
    with_image "$RELEASE" "${COMPOSE[@]}" pull lifeos-web || die "Nothing was changed: $RELEASE could not be pulled."
  else
    with_image "$RELEASE" "${COMPOSE[@]}" build lifeos-web || die "Nothing was changed: $RELEASE could not be built."
  fi
  with_image "$RELEASE" "${COMPOSE[@]}" up --detach --wait lifeos-db lifeos-redis
}

driver_preflight() { driver_manage_as "$RELEASE" preflight "$@"; }
driver_migrate() { driver_manage_as "$RELEASE" migrate --noinput; }

driver_manage_as() {
  local image=$1
  shift
  [ -n "$image" ] || die "No release is installed yet: deploy.sh deploy."
  with_image "$image" "${COMPOSE[@]}" run --rm --no-deps --no-TTY lifeos-migrate manage.py "$@"
}

driver_stop() {
  say "Stopping web and workers."
  act "${COMPOSE[@]}" stop lifeos-web lifeos-worker
}

# New replicas beside the old ones; when they are healthy, the old ones leave. nginx finds replicas by name and asks
# again every two seconds, so DRAIN_SECONDS later none of its processes knows of the old ones as the only ones.
driver_roll_to() {
  local old
  with_image "$1" "${COMPOSE[@]}" up --detach --no-deps --wait lifeos-worker || return 1
  old=$([ "$DRY_RUN" = true ] || "${COMPOSE[@]}" ps --quiet lifeos-web)
  if [ -n "$old" ]; then
    with_image "$1" env RUN_MIGRATIONS=false "${COMPOSE[@]}" up --detach --no-deps --no-recreate --wait \
      --scale "lifeos-web=$((WEB_REPLICAS * 2))" lifeos-web || { remove_unlike "$old"; return 1; }
    act sleep "$DRAIN_SECONDS"
    # shellcheck disable=SC2086  # one word per container
    act docker stop --time 30 $old
    # shellcheck disable=SC2086
    act docker rm $old
  fi
  with_image "$1" "${COMPOSE[@]}" up --detach --no-deps --no-recreate --wait --scale "lifeos-web=$WEB_REPLICAS" lifeos-web || return 1
  with_image "$1" "${COMPOSE[@]}" up --detach --wait lifeos-nginx
}

# Replicas are always made anew, with the settings of now.
driver_forget() { :; }

# The new replicas did not become healthy: they go, those before them stay.
remove_unlike() {
  local id
  for id in $("${COMPOSE[@]}" ps --all --quiet lifeos-web); do
    grep -qx "$id" <<< "$1" || act docker rm --force "$id"
  done
}

# Health checks ask each web process, and of each worker its heartbeat in the database; that a container runs proves neither.
driver_all_ready() {
  local service
  for service in lifeos-web lifeos-worker; do
    all_healthy "$service" || { say "$service: a container is missing or not healthy; see docker compose ps."; return 1; }
  done
}

all_healthy() {
  local ids=() wanted states
  mapfile -t ids < <("${COMPOSE[@]}" ps --all --quiet "$1")
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
  act "${COMPOSE[@]}" ps
}

driver_logs() { act "${COMPOSE[@]}" logs --follow --tail 50 "${1:-lifeos-web}"; }

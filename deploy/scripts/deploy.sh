#!/usr/bin/env bash
# Deploy, watch, roll back, back up and restore an installation of LifeOS. docs/deploying.md leads through it.
set -euo pipefail

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CHECKOUT=$(cd "$SCRIPTS/../.." && pwd)
readonly SCRIPTS CHECKOUT

usage() {
  cat << 'TEXT'
deploy.sh COMMAND [ENVIRONMENT] [ARGUMENT] [--dry-run]

  init                       what a new installation needs before its first deploy: settings with fresh secrets (.env,
                             or with DRIVER=processes shared/lifeos.env, owner.env and directories) and a certificate
               --host NAME --email ADDRESS   of the site, and of the first operator; asked for at a terminal
               --certificate FILE --key FILE   instead of a self-signed certificate
               --monitoring   plain docker-compose starts the monitoring too (DRIVER=compose)
  nginx                      write the site into this machine's nginx and reload it (DRIVER=processes)
  deploy       [--ref REF]   preflight, backup, build, migrate, replace one process after another, verify;
                             back to the previous release if anything fails
               --with-downtime   stop everything during migrations that the running release cannot work with
               --no-backup       skip the backup
  rollback                   back to the previous release
  rollback     BACKUP        the same, with the database as it was in a backup (a path, a name, or: latest)
  restart                    restart every process, one after another, to apply changed settings without downtime
  stop                       stop web and workers, for work on the machine
  start                      start the release that was running
  status                     what runs, and which release
  logs         [NAME]        follow the logs
  backup                     make a backup and prove it
  restore      BACKUP        replace the database by a backup; web and workers are stopped meanwhile
  manage       COMMAND ...   manage.py of the running release, with its settings: manage production check
  health-check               whether it works, for people and for scripts (exit code)

ENVIRONMENT defaults to production. Its settings are read from /etc/lifeos/ENVIRONMENT.conf or
deploy/environments/ENVIRONMENT.conf; LIFEOS_DEPLOY_CONFIG names another file. --dry-run says what would be done.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "deploy.sh: $*"; exit 1; }

# What changes something goes through here, so that --dry-run is true of all of it.
act() {
  if [ "$DRY_RUN" = true ]; then
    printf 'would run: %s\n' "$*"
  else
    "$@"
  fi
}

read_arguments() {
  COMMAND=${1:-}
  declare -gA OPTIONS=()
  DRY_RUN=false REF="" DOWNTIME=false BACKUP_FIRST="" ENVIRONMENT="" ARGUMENT="" MANAGE=()
  [ $# -eq 0 ] || shift
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) DRY_RUN=true ;;
      --ref) [ $# -gt 1 ] || die "--ref needs a tag or a branch; with containers, an image's tag."; REF=$2; shift ;;
      --host | --email | --certificate | --key)
        [ "$COMMAND" = init ] || die "$1 is for deploy.sh init."
        [ $# -gt 1 ] || die "$1 needs a value."
        OPTIONS[${1#--}]=$2
        shift
        ;;
      --monitoring) OPTIONS[monitoring]=true ;;
      --with-downtime) DOWNTIME=true ;;
      --no-backup) BACKUP_FIRST=false ;;
      -h | --help) usage; exit 0 ;;
      -*) die "$1 is not known; see deploy.sh --help." ;;
      *)
        place_argument "$1"
        # What follows is for manage.py, its options too.
        if [ "$COMMAND" = manage ] && [ -n "$ARGUMENT" ]; then
          MANAGE=("$@")
          break
        fi
        ;;
    esac
    shift
  done
  ENVIRONMENT=${ENVIRONMENT:-production}
}

# `rollback /path/to/backup` names no environment, `deploy staging` does: what has a configuration is one.
place_argument() {
  if [ -z "$ENVIRONMENT" ] && [[ $1 =~ ^[a-z][a-z0-9_-]*$ ]] && { [ "$1" = production ] || configuration_of "$1" > /dev/null; }; then
    ENVIRONMENT=$1
  elif [ -z "$ARGUMENT" ]; then
    ARGUMENT=$1
  else
    die "$1 is one argument too many; see deploy.sh --help."
  fi
}

configuration_of() {
  local file
  for file in "${LIFEOS_DEPLOY_CONFIG:-/etc/lifeos/$1.conf}" "$CHECKOUT/deploy/environments/$1.conf"; do
    if [ -f "$file" ]; then
      echo "$file"
      return
    fi
  done
  return 1
}

load_configuration() {
  local file
  if file=$(configuration_of "$ENVIRONMENT"); then
    # shellcheck source=/dev/null
    . "$file"
  else
    # Containers of this checkout need none.
    [ "$ENVIRONMENT" = production ] || die "There is no configuration of $ENVIRONMENT: write /etc/lifeos/$ENVIRONMENT.conf."
  fi
  : "${DRIVER:=compose}" "${HEALTH_URL:=http://localhost:8000/health}" "${READY_SECONDS:=90}"
  BACKUP_FIRST=${BACKUP_FIRST:-${BACKUP_BEFORE_DEPLOY:-true}}
  case $DRIVER in
    compose | processes) ;;
    *) die "DRIVER in $file is $DRIVER; it must be compose or processes." ;;
  esac
  # shellcheck source=deploy/scripts/compose.sh
  # shellcheck source=deploy/scripts/processes.sh
  . "$SCRIPTS/$DRIVER.sh"
  [ "$DRIVER" = compose ] || [ -z "${OPTIONS[monitoring]:-}" ] || die "--monitoring is for containers; see docs/monitoring.md."
  # shellcheck source=deploy/scripts/init.sh
  [ "$COMMAND" != init ] || . "$SCRIPTS/init.sh"
  driver_settings
}

only_one() {
  [ "$DRY_RUN" = true ] && return
  mkdir -p "$STATE"
  exec {LOCK}> "$STATE/deploy.lock"
  flock --nonblock "$LOCK" || die "Another deploy, rollback or restore of $ENVIRONMENT is at work."
}

answers() {
  curl --fail --silent --show-error --output /dev/null --max-time 10 --header 'Host: localhost' "$1" 2> /dev/null
}

wait_for() {
  local what=$1 begun=$SECONDS
  shift
  until "$@"; do
    [ $((SECONDS - begun)) -lt "$READY_SECONDS" ] || { say "$what: not within $READY_SECONDS seconds."; return 1; }
    # Asking after a worker starts a Python, which would slow down what it waits for.
    if [ $((SECONDS - begun)) -lt 3 ]; then sleep 0.2; else sleep 1; fi
  done
}

# What a release must show before it is kept: pages are served, and every web process and worker is ready.
verify() {
  [ "$DRY_RUN" = true ] && { echo "would ask: $HEALTH_URL, web processes and workers"; return; }
  wait_for "$HEALTH_URL" answers "$HEALTH_URL" && driver_all_ready
}

deploy() {
  only_one
  driver_fetch
  if driver_is_running_this; then
    say "$RELEASE runs already and works; nothing to do."
    return
  fi
  driver_build
  preflight
  back_up_first
  local before
  before=$(driver_current)
  trap 'undo "$before"' INT TERM
  if [ "$DOWNTIME" = true ]; then
    driver_stop
  fi
  migrate || undo "$before"
  driver_roll_to "$RELEASE" || undo "$before"
  verify || undo "$before"
  trap - INT TERM
  driver_keep "$RELEASE" "$before"
  if [ "$DOWNTIME" = true ] && [ -n "$PENDING" ]; then
    act remember one-way "$RELEASE"
  else
    act remember one-way ""
  fi
  say "$RELEASE is deployed to $ENVIRONMENT."
}

# The end of a deploy that failed: every process is the release before's again.
undo() {
  trap - INT TERM
  say "The deploy of $RELEASE failed; going back to ${1:-nothing}."
  if [ -z "$1" ]; then
    driver_stop
  elif driver_roll_to "$1" && verify; then
    if [ "$DOWNTIME" = true ] && [ -n "$PENDING" ]; then
      say "$1 runs again, but migrations that it may not work with stay applied. To take them back, restore the backup that was made first:
deploy.sh manage $ENVIRONMENT backup --list, then deploy.sh restore $ENVIRONMENT BACKUP."
    else
      say "$1 runs again. Migrations stay applied: it works with them."
    fi
  else
    say "$1 does not come up either; see deploy.sh status and logs."
  fi
  exit 1
}

preflight() {
  local arguments=()
  if [ "$DOWNTIME" = true ] || [ -z "$(driver_current)" ]; then
    arguments=(--not-rolling)
  fi
  if [ "$DRY_RUN" = true ]; then
    driver_preflight "${arguments[@]}"
    PENDING="Migrations that preflight finds:"
    return
  fi
  PENDING=$(driver_preflight "${arguments[@]}") || die "Nothing was changed: the lines above say what stands against $RELEASE. \
Migrations that break the running release can go with --with-downtime."
}

migrate() {
  [ -z "$PENDING" ] || say "$PENDING"
  # Also without a migration: it renews the rights of the role that serves.
  driver_migrate
}

back_up_first() {
  if [ "$BACKUP_FIRST" = true ] && [ -n "$(driver_current)" ]; then
    say "Backing up."
    driver_manage_as "$(driver_current)" backup --before-deploy || die "Nothing was changed: there is no deploy without a backup (--no-backup leaves it out)."
  fi
}

rollback() {
  only_one
  local before current
  before=$(driver_previous)
  current=$(driver_current)
  [ -n "$before" ] || die "There is no release before ${current:-the first one}."
  if [ -z "$ARGUMENT" ] && [ -n "$current" ] && [ "$(remembered one-way)" = "$current" ]; then
    die "$current was deployed with downtime, because $before cannot work with its migrations. Go back with the backup made before it:
deploy.sh manage $ENVIRONMENT backup --list, then deploy.sh rollback $ENVIRONMENT BACKUP."
  fi
  if [ -n "$ARGUMENT" ]; then
    check_backup_as "$before"
    driver_stop
    if ! driver_manage_as "$before" restore "$ARGUMENT" --overwrite; then
      driver_roll_to "$current" || true
      die "The backup was not restored, so $current runs on; the database is as it was."
    fi
  fi
  if ! driver_roll_to "$before" || ! verify; then
    die "$before does not come up; see deploy.sh status and logs."
  fi
  driver_keep "$before" "$current"
  act remember one-way ""
  say "$ENVIRONMENT is back at $before."
}

restart() {
  only_one
  local current
  current=$(driver_current)
  [ -n "$current" ] || die "No release is installed yet: deploy.sh deploy."
  driver_forget
  if ! driver_roll_to "$current" || ! verify; then
    die "$current does not come up with these settings; correct them and restart again. See deploy.sh status and logs."
  fi
  say "Every process of $current has been replaced."
}

# Refused here, nothing has been stopped yet.
check_backup_as() {
  driver_manage_as "$1" restore "$ARGUMENT" --overwrite --check || die "Nothing was changed: the backup cannot be restored."
}

stop() {
  only_one
  driver_stop
  say "Web and workers of $ENVIRONMENT are stopped; deploy.sh start $ENVIRONMENT starts them."
}

start() {
  only_one
  local current
  current=$(driver_current)
  [ -n "$current" ] || die "No release is installed yet: deploy.sh deploy."
  if ! driver_roll_to "$current" || ! verify; then
    die "$current does not come up; see deploy.sh status and logs."
  fi
  say "$current runs."
}

# What a variable of the settings file says; nothing where there is none.
named_in_env() { [ ! -f "$ENV_FILE" ] || sed -n "s/^$1=//p" "$ENV_FILE" | tail -1; }

# A word in the state directory, and what it says.
# shellcheck disable=SC2317  # through act
remember() { mkdir -p "$STATE"; printf '%s\n' "$2" > "$STATE/$1"; }
remembered() { [ ! -f "$STATE/$1" ] || cat "$STATE/$1"; }

restore() {
  [ -n "$ARGUMENT" ] || die "Which one? deploy.sh restore $ENVIRONMENT BACKUP (a path, a name, or: latest)."
  only_one
  local current done=0
  current=$(driver_current)
  check_backup_as "$current"
  driver_stop
  driver_manage_as "$current" restore "$ARGUMENT" --overwrite || done=$?
  # Whether it worked or not: the database is there, the old one or the restored one.
  if ! driver_roll_to "$current" || ! verify; then
    die "$current does not come up; see deploy.sh status and logs."
  fi
  [ $done -eq 0 ] || die "The backup was not restored; the database is as it was."
}

health_check() {
  local answer
  answer=$(curl --silent --max-time 10 --header 'Host: localhost' "$HEALTH_URL") || die "$HEALTH_URL does not answer."
  echo "$answer"
  [[ $answer == '{"status": "ok"'* ]] || die "A part does not work: the answer above names it."
  driver_all_ready || die "A process is missing: the line above names it. See deploy.sh status and logs."
}

# Of what answers now, which may not be what is meant to run.
running_version() {
  local answer version
  answer=$(curl --silent --max-time 10 --header 'Host: localhost' "$HEALTH_URL") || { echo "unknown: $HEALTH_URL does not answer"; return; }
  version=${answer#*'"version": "'}
  [ "$version" != "$answer" ] && echo "${version%%'"'*}" || echo "unknown: $HEALTH_URL does not tell it"
}

main() {
  read_arguments "$@"
  case $COMMAND in
    "" | help | -h | --help) usage; return ;;
    init | nginx | deploy | rollback | restart | start | stop | status | logs | backup | restore | manage | health-check) load_configuration ;;
    *) usage >&2; die "$COMMAND is not a command." ;;
  esac
  case $COMMAND in
    init) act mkdir -p "$STATE" && driver_init ;;
    nginx) driver_nginx ;;
    deploy) deploy ;;
    rollback) rollback ;;
    restart) restart ;;
    start) start ;;
    stop) stop ;;
    status)
      driver_status
      echo "version   $(running_version)"
      ;;
    logs) driver_logs "$ARGUMENT" ;;
    backup) driver_manage_as "$(driver_current)" backup ;;
    restore) restore ;;
    manage)
      [ ${#MANAGE[@]} -gt 0 ] || die "Which command? deploy.sh manage $ENVIRONMENT COMMAND [ARGUMENTS]."
      driver_manage_as "$(driver_current)" "${MANAGE[@]}"
      ;;
    health-check) health_check ;;
  esac
}

# One line with its end: this file may be replaced while it runs.
main "$@"; exit

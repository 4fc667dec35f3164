# Sourced by the hooks: how they reach the daemon, and how they start it when it does not answer.
# A hook runs in the bare repository, so the sockets have short names however long the path of the home is
# (a socket's path ends at 108 bytes). `hook-env` in the repository says which client this machine has.
sockets=../../git
hooks=${0%/*}

fail() {
  printf ' !     %s\n' "$@" >&2
  exit 1
}

[ -r ./hook-env ] || fail "This repository is not set up for deploys; nothing was released." \
  "Run \`git heroku doctor\` on the platform's machine."
. ./hook-env

# Standard input to the daemon and its answer to standard output, until the daemon closes. Fails if nobody listens.
# It replaces the shell: call it last or in a subshell. Every process counts here: a push has about 20 ms of its own.
connect() {
  case $client in
    nc) exec "$nc" -U "$sockets/$1" ;;
    perl) exec perl "$hooks/connect.pl" "$sockets/$1" ;;
    bash) exec bash "$hooks/connect.bash" "$sockets" "$1" ;;
    *) exec "$node" "$node_client" "$sockets/$1" ;;
  esac
}

# The same for a conversation that ends as a whole when standard input does.
converse() {
  case $client in
    nc) exec "$nc" ${nc_end:+"$nc_end"} -U "$sockets/$1" ;;
    perl) exec perl "$hooks/connect.pl" "$sockets/$1" ending ;;
    *) exec "$node" "$node_client" "$sockets/$1" ending ;;
  esac
}

# The first line of a registration is: version of this protocol, hook, receive-pack's process, who pushed, repository;
# with tabs between. The last three are the same in both hooks.
tab='	'
user=${GIT_HEROKU_SESSION:+session $GIT_HEROKU_SESSION}
user=${user:-${GIT_HEROKU_USER-}}
case $user in *[[:cntrl:]]*) user= ;; esac
cd -P . || fail "The repository cannot be read."
push="$PPID$tab$user$tab${PWD##*/}"

# The daemon outlives the push: nothing of it is inherited but the variables named here. Where systemd starts it, it is
# waited for.
start_daemon() {
  [ ! -e "$home/managed" ] || return 0
  detach=$(command -v setsid || echo nohup)
  env -i HOME="$HOME" PATH="$PATH" GIT_HEROKU_HOME="$home" ${USER:+"USER=$USER"} ${LOGNAME:+"LOGNAME=$LOGNAME"} \
    ${LANG:+"LANG=$LANG"} ${TZ:+"TZ=$TZ"} ${TMPDIR:+"TMPDIR=$TMPDIR"} \
    ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} ${no_proxy:+"no_proxy=$no_proxy"} \
    ${npm_config_registry:+"npm_config_registry=$npm_config_registry"} \
    ${npm_config_cache:+"npm_config_cache=$npm_config_cache"} \
    ${GIT_HEROKU_ROUTER_PORT:+"GIT_HEROKU_ROUTER_PORT=$GIT_HEROKU_ROUTER_PORT"} \
    "$detach" "$node" "$daemon" </dev/null >>"$log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
}

# Runs a function until it succeeds; starts the daemon once when it does not. Fails after $start_seconds.
with_daemon() {
  "$@" && return
  start_daemon
  deadline=$(($(date +%s) + start_seconds))
  until "$@"; do
    [ "$(date +%s)" -lt "$deadline" ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

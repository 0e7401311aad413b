#!/bin/bash
# The demo: a strict token server and API, a broker and readers on this host tell the product's story.
# Every step checks what it says; the exit status is 0 only if all of it was true. Leaves nothing behind.
# KEEP=1 stays up at the end, to be explored. Called by `make demo`, which builds what it runs.
set -u
: "${TB_BUILD:?the build directory, set by make demo}"
KEEP=${KEEP:-}

dir=$(mktemp -d /dev/shm/tokenbroker-demo.XXXXXX)
bin=$dir/bin run=$dir/run
export TOKENBROKER_RUNTIME_DIR=$run
unset TOKENBROKER_TOKEN
server_pid='' broker_pid='' reader_pid='' httpd_pid='' failed=0 step=0

# As root the broker and the readers are users of their own; else all of it is you.
if [ "$(id -u)" = 0 ]; then
    broker_uid=10001 reader_uid=10002 other_uid=10003 stranger_uid=10004 httpd_uid=10005
    drop() { echo setpriv --reuid "$1" --regid "$1" --clear-groups; }
else
    broker_uid=$(id -u) reader_uid=$broker_uid other_uid=$broker_uid stranger_uid='' httpd_uid=$broker_uid
    drop() { echo env; }
fi
as() { # UID COMMAND...
    local uid=$1
    shift
    $(drop "$uid") "$@"
}
tb() { as "$reader_uid" "$bin/tokenbroker" "$@"; }
admin() { as "$broker_uid" "$bin/tokenbroker" "$@"; }

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' good=$'\e[32m' bad=$'\e[31m' plain=$'\e[0m'
else bold='' good='' bad='' plain=''; fi
title() { [ ! -t 1 ] || sleep 1.5; step=$((step + 1)); printf '\n%s%d. %s%s\n' "$bold" $step "$1" "$plain"; }
say() { printf '   %s\n' "$1"; }
check() { # WHAT COMMAND...: the command must succeed
    local what=$1
    shift
    if "$@"; then
        printf '   %sok%s  %s\n' "$good" "$plain" "$what"
    else
        printf '   %sNO%s  %s\n' "$bad" "$plain" "$what"
        failed=1
    fi
}
until_true() { # SECONDS COMMAND...: waits for it
    local deadline=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt $deadline ] || return 1
        sleep 0.05
    done
}

generation() { tb info --json | jq -r .generation; }
fingerprint() { # of the token that this user reads; the token itself is shown nowhere
    as "$1" "$bin/tokenbroker" get | tr -d '\n' | sha256sum | cut -c1-12
}
fetches() { curl -sS "$control/_control/counts" | jq .endpoints.token.requests; }
status_is() { [ "$(jq -r .tokens[0].state "$run/status.json")" = "$1" ]; }
is_newer() { [ "$(generation)" -gt "$1" ]; }
quietly() { # what it prints is not for the eyes
    "$@" > /dev/null 2> "$dir/out"
}
ends_with() { # STATUS COMMAND...
    local wanted=$1
    shift
    "$@" > "$dir/out" 2>&1
    [ $? = "$wanted" ]
}
order() { curl -sS -o "$dir/out" -H 'Content-Type: application/json' -d "$2" "$control/_control/$1"; }

prepare() {
    chmod 0755 "$dir"
    mkdir "$bin" "$dir/state" "$dir/http" "$run"
    cp "$TB_BUILD/tokenbrokerd" "$TB_BUILD/tokenbroker-httpd" "$TB_BUILD/tokenbroker" "$TB_BUILD/tests/support/auth_server" \
        "$TB_BUILD/tests/support/verify_reader" "$TB_BUILD/examples/loop" "$bin/"
    (umask 077 && head -c 24 /dev/urandom | base64 | tr -d '\n' > "$dir/secret")
}
start_server() {
    "$bin/auth_server" --port 0 --client-id demo --client-secret-file "$dir/secret" --lifetime 3600 \
        > "$dir/server.out" 2> "$dir/server.err" &
    # shellcheck disable=SC2034  # end() takes its name
    server_pid=$!
    until_true 10 grep -qs ^READY "$dir/server.out" || return 1
    url=$(sed -n 's/^READY //p' "$dir/server.out" | jq -r .url)
    control=$(sed -n 's/^READY //p' "$dir/server.out" | jq -r .control)
}
free_port() { # the default one if the demo stays up and nobody has it
    local port=8437
    [ -n "$KEEP" ] || port=$((20000 + RANDOM % 10000))
    while (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((20000 + RANDOM % 10000)); done
    echo $port
}
token_section() { # NAME CLIENT-ID
    cat << CONF
token "$1" {
    token_url  = "$url/rest/v2/oauth/token"     # in this demo a server on loopback, so:
    revoke_url = "$url/rest/v2/oauth/revoke"
    allow_http = true
    client_id  = "$2"
    client_secret_file = "$dir/secret"
    readers    = {"$reader_uid", "$other_uid"}
}
CONF
}
configure() {
    {
        token_section default demo
        cat << CONF
http {
    listen      = {"127.0.0.1:$(free_port)"}
    unix_socket = "$dir/http/http.sock"
    user        = "$httpd_uid"
}
CONF
    } > "$dir/tokenbroker.conf"
    [ "$(id -u)" != 0 ] || {
        chown "$broker_uid:$broker_uid" "$dir/secret" "$dir/state" "$run"
        chown "$httpd_uid:$httpd_uid" "$dir/http"
    }
}
start_broker() {
    $(drop "$broker_uid") "$bin/tokenbrokerd" --config "$dir/tokenbroker.conf" --runtime-dir "$run" \
        --state-dir "$dir/state" 2>> "$dir/broker.log" &
    broker_pid=$!
}
end() { # PID-VARIABLE [SIGNAL]
    local pid=${!1}
    [ -n "$pid" ] || return 0
    kill "${2:--TERM}" "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
    printf -v "$1" ''
}
clean_up() {
    trap - EXIT INT TERM
    end reader_pid
    end httpd_pid
    end broker_pid
    end server_pid
    local link
    for link in "$run"/tokens/*; do # a broker that stops leaves its tokens to the readers
        [ -L "$link" ] && rm -f "$(readlink "$link")"
    done
    rm -rf "$dir"
}

one_token() {
    title "One token for everybody"
    if [ -n "$stranger_uid" ]; then
        say "A broker starts. It alone can read the client secret; it fetches one token and publishes it."
    else
        say "A broker starts, fetches one token and publishes it."
        say "(As root the demo shows readers that are other users, who cannot read the client secret.)"
    fi
    start_broker
    check "the token is there" quietly tb get --wait 10
    until_true 10 status_is valid
    first=$(fingerprint "$reader_uid")
    check "two readers, uid $reader_uid and uid $other_uid, have the same token (fingerprint $first)" \
        [ "$first" = "$(fingerprint "$other_uid")" ]
    if [ -n "$stranger_uid" ]; then
        check "uid $stranger_uid is not one of its readers: refused (exit 7)" \
            ends_with 7 as "$stranger_uid" "$bin/tokenbroker" get
    fi
    check "the token server was asked once" [ "$(fetches)" = 1 ]
    check "the API takes the token: HTTP $(as "$reader_uid" "$bin/loop" "${url##*:}" /rest/v2/profiles)" \
        ends_with 0 as "$reader_uid" "$bin/loop" "${url##*:}" /rest/v2/profiles
    tb status | sed 's/^/       /'
}
watch() {
    $(drop "$reader_uid") "$bin/verify_reader" 60 > "$dir/reader.out" 2> "$dir/reader.err" &
    # shellcheck disable=SC2034  # end() takes its name
    reader_pid=$!
}
refresh() {
    title "A refresh under its readers"
    say "From here on one reader reads without pause and checks every copy, to the end of the demo."
    watch
    local before
    before=$(generation)
    tb wait --after "$before" --timeout 10 > "$dir/woken" &
    local waiter=$!
    sleep 1 # two requests to the token server are retry_min apart, one second
    check "refresh" ends_with 0 admin refresh default
    check "a sleeping reader was woken" wait $waiter
    check "the generation rose from $before to $(cat "$dir/woken")" [ "$(cat "$dir/woken")" -gt "$before" ]
}
rejection() {
    title "The API answers 401"
    order revoke_all '{}'
    say "The server has revoked all tokens behind our back. A program calls the API, is refused,"
    say "rejects the generation it used, waits for the next, and calls once more:"
    local before asked
    before=$(generation) asked=$(fetches)
    check "the program got through: HTTP $(as "$reader_uid" "$bin/loop" "${url##*:}" /rest/v2/profiles)" \
        is_newer "$before"
    check "with one more request to the token server" [ "$(fetches)" = $((asked + 1)) ]
}
revocation() {
    title "An administrator revokes the token"
    local before old
    before=$(generation) old=$(fingerprint "$reader_uid")
    check "revoke is done" admin revoke default
    check "a successor was published first (generation $(generation))" is_newer "$before"
    check "then $old was revoked at the server" until_true 10 revoked_is 1
}
revoked_is() { [ "$(jq .tokens[0].counters.revocations.ok "$run/status.json")" -ge "$1" ]; }
crash() {
    title "The broker is killed"
    local before asked
    before=$(generation) asked=$(fetches)
    end broker_pid -KILL
    check "readers read on (generation $(generation))" [ "$(generation)" = "$before" ]
    start_broker
    check "a new broker takes over" until_true 10 new_broker
    check "the same token, without asking the server" \
        [ "$(generation) $(fetches)" = "$before $asked" ]
}
new_broker() { [ "$(jq -r .pid "$run/status.json" 2> /dev/null)" = "$broker_pid" ] && status_is valid; }
outage() {
    title "The token server is down"
    order orders '{"endpoint":"token","count":-1,"status":503}'
    check "a refresh fails, and says why" ends_with 1 admin refresh default
    sed 's/^/       /' "$dir/out"
    check "the good token still serves" quietly tb get
    order reset '{}'
    check "and when the server is back, so is the broker" until_true 20 healthy
}
healthy() { [ "$(jq .tokens[0].consecutive_failures "$run/status.json")" = 0 ]; }
suspension() {
    title "Suspended, and resumed"
    end reader_pid
    check "the reader saw $(jq .reads "$dir/reader.out") copies: none torn, no generation went back, no error" saw_no_fault
    check "suspend" admin suspend default
    check "readers are refused at once (exit 6)" ends_with 6 tb get
    check "resume" until_true 10 admin resume default
    check "there is a new token" quietly tb get
}
saw_no_fault() {
    [ "$(jq '.torn + .generation_went_back + (.errors | add // 0)' "$dir/reader.out")" = 0 ]
}
status_page() {
    title "The status page"
    say "A program of its own, which reads neither secret nor token, shows the state over HTTP."
    $(drop "$httpd_uid") "$bin/tokenbroker-httpd" --config "$dir/tokenbroker.conf" --runtime-dir "$run" \
        2> "$dir/httpd.log" &
    httpd_pid=$!
    until_true 10 grep -qs 'listening on unix:' "$dir/httpd.log"
    page=$(sed -n 's/.*listening on \(http:.*\)/\1/p' "$dir/httpd.log")
    check "every token is usable: GET $page/readyz" until_true 5 quietly curl -sSf "$page/readyz"
    check "the page is at $page/" quietly curl -sSf "$page/"
    check "and Prometheus's metrics at $page/metrics" quietly curl -sSf "$page/metrics"
}
secrecy() {
    title "And the secret?"
    check "it is in no log, status, argument list or environment" no_secret
    end httpd_pid
    end broker_pid
    check "the broker has stopped; the token still serves" quietly tb get
}
no_secret() {
    ! cat "$dir/broker.log" "$dir/httpd.log" "$run/status.json" "/proc/$broker_pid/cmdline" \
        "/proc/$broker_pid/environ" "/proc/$httpd_pid/cmdline" "/proc/$httpd_pid/environ" \
        2> /dev/null | grep -qaF -f "$dir/secret"
}
stay() {
    # One healthy, one failing and one suspended token to look at.
    { token_section failing nobody; token_section paused demo; } >> "$dir/tokenbroker.conf"
    kill -HUP "$broker_pid"
    until_true 20 ends_with 0 admin suspend paused
    cat << TEXT

It stays up: $page/

In another terminal:

    export TOKENBROKER_RUNTIME_DIR=$run PATH=$bin:\$PATH
    tokenbroker status --watch
    tokenbroker get --format curl-config | curl -K - $url/rest/v2/profiles
    tokenbroker refresh default

Configuration: $dir/tokenbroker.conf; log: $dir/broker.log. Ctrl-C ends it and removes everything.
TEXT
    wait $broker_pid
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
prepare
start_server || { echo "the token server did not start" >&2; cat "$dir/server.err" >&2; exit 1; }
configure
printf '%stokenbroker%s: one token, many processes\n' "$bold" "$plain"
one_token
refresh
rejection
revocation
crash
outage
suspension
status_page
if [ -n "$KEEP" ]; then
    stay
else
    secrecy
fi
if [ $failed = 0 ]; then
    printf '\nAll of it was true.\n'
else
    printf '\nNot all of it was true. The log of the broker:\n'
    cat "$dir/broker.log"
fi
exit $failed

#!/bin/bash
# SPDX-License-Identifier: MIT
# An OAuth 2.0 server that somebody else wrote: glewlwyd from Debian's packages, on 127.0.0.1:PORT.
#
#   glewlwyd.sh CACHE STATE PORT
#
# CACHE keeps the unpacked packages between runs; nothing is installed. STATE is a new directory for
# database and log. Prints one line READY {json} once its clients are registered, then serves in the
# foreground until SIGTERM. Exit status 77: the packages cannot be had here.
set -euo pipefail

cache=$(realpath "$1") state=$(realpath "$2") port=$3
url=http://127.0.0.1:$port
root=$cache/root

cannot_have_it() {
    echo "glewlwyd cannot be had here: $*" >&2
    exit 77
}

# The packages that an installation would add, but for the database servers' tools and fonts, which
# glewlwyd does not need to run.
missing_packages() {
    apt-get --simulate --no-install-recommends install glewlwyd |
        awk '$1 == "Inst" && $2 !~ /^(mariadb-|mysql-|default-mysql|dbconfig-|fonts-|libjs-|.*-perl$)/ { print $2 }'
}

fetch_packages() {
    local packages=$cache/packages names
    command -v apt-get > /dev/null || cannot_have_it "no apt-get"
    names=$(missing_packages 2> "$cache/apt.log") || cannot_have_it "$(tail -n 1 "$cache/apt.log")"
    rm -rf "$packages" "$root"
    mkdir "$packages" "$root"
    # shellcheck disable=SC2086 # a list of names
    (cd "$packages" && apt-get -q download $names) > "$cache/apt.log" 2>&1 ||
        cannot_have_it "$(tail -n 1 "$cache/apt.log")"
    for package in "$packages"/*.deb; do
        dpkg-deb --extract "$package" "$root"
    done
    rm -rf "$packages"
    touch "$cache/complete"
}

make_database() {
    "${PYTHON:-python3}" - "$state/database" "$1" << 'PYTHON'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as script:
    database.executescript(script.read())
database.close()
PYTHON
}

write_configuration() {
    local lib=$root/usr/lib/glewlwyd
    mkdir -p "$lib/user_middleware"
    cat > "$state/glewlwyd.conf" << CONF
port = $port
bind_address = "127.0.0.1"
external_url = "$url"
api_prefix = "api"
login_url = "login.html"
static_files_path = "$root/usr/share/glewlwyd/webapp/"
log_mode = "file"
log_level = "INFO"
log_file = "$state/glewlwyd.log"
cookie_secure = 0
session_key = "GLEWLWYD2_SESSION_ID"
session_expiration = 2419200
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "$lib/user"
user_middleware_module_path = "$lib/user_middleware"
client_module_path = "$lib/client"
user_auth_scheme_module_path = "$lib/scheme"
plugin_module_path = "$lib/plugin"
hash_algorithm = "SHA512"
database = { type = "sqlite3"; path = "$state/database"; };
CONF
}

# Administers the running server: admin PATH JSON
admin() {
    curl --silent --show-error --fail --noproxy '*' --cookie "$state/cookies" \
        --cookie-jar "$state/cookies" --header 'Content-Type: application/json' \
        --data "$2" "$url/api/$1" > /dev/null
}

wait_for_server() {
    for _ in {1..200}; do
        kill -0 "$server" 2> /dev/null || return 1
        curl --silent --noproxy '*' --output /dev/null "$url/api/auth/" && return 0
        sleep 0.05
    done
    return 1
}

register_client() { # ID SECRET METHOD
    admin client/ '{"client_id": "'"$1"'", "name": "'"$1"'", "enabled": true, "confidential": true,
        "client_secret": "'"$2"'", "token_endpoint_auth_method": ["'"$3"'"],
        "authorization_type": ["client_credentials"], "redirect_uri": [], "scope": ["read:profiles"]}'
}

register_all() {
    admin auth/ '{"username": "admin", "password": "password"}' # as Debian's database script has it
    admin mod/plugin/ '{"module": "oidc", "name": "oidc", "display_name": "oidc", "enabled": true,
        "parameters": {"iss": "'"$url"'/api/oidc", "jwt-type": "sha", "jwt-key-size": "256",
            "key": "not-a-secret", "access-token-duration": 3600, "refresh-token-duration": 1209600,
            "code-duration": 600, "allow-non-oidc": true, "auth-type-client-enabled": true,
            "auth-type-token-enabled": false, "auth-type-implicit-enabled": false,
            "introspection-revocation-allowed": true,
            "introspection-revocation-allow-target-client": true,
            "request-parameter-allow": true, "client-cert-source": "TLS",
            "client-cert-use-endpoint-aliases": false}}'
    admin scope/ '{"name": "read:profiles", "display_name": "read", "description": "read",
        "password_required": false, "scheme": {}}'
    register_client by-post 'secret-by-post' client_secret_post
    # It takes HTTP Basic as it comes: a secret with these characters tells basic_raw from basic.
    register_client by-basic 's+r%t&=?/~*' client_secret_basic
}

mkdir -p "$cache"
exec 9> "$cache/lock" # tests may run side by side
flock 9
[ -e "$cache/complete" ] || fetch_packages
exec 9>&-

make_database "$root/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
write_configuration
libraries=$(echo "$root"/usr/lib/*-linux-gnu*)
LD_LIBRARY_PATH=$libraries:$root/lib/${libraries##*/} "$root/usr/bin/glewlwyd" \
    --config-file="$state/glewlwyd.conf" &
server=$!
stop() {
    kill "$server" 2> /dev/null || :
    wait "$server" 2> /dev/null || :
}
trap 'trap - EXIT; stop; exit 0' TERM INT
trap stop EXIT

wait_for_server
register_all
echo "READY {\"token\": \"$url/api/oidc/token\", \"revoke\": \"$url/api/oidc/revoke\"," \
    "\"introspect\": \"$url/api/oidc/introspect\"}"
wait "$server"

#!/bin/sh
# The end-to-end check that staging runs through the door, from the tree of the deployed commit. It needs nothing but a POSIX
# shell and grep; where curl is installed it calls the service as well, and otherwise says that it did not (the gate "search"
# has called it already).
#
# Given by tiers: ENV, BASE_URL, RELEASE, DIGEST, COMMIT. Exits with 0 when all is well.

set -u
failed=0

check() {
    what=$1
    shift
    if "$@"; then
        echo "ok      $what"
    else
        echo "FAILED  $what"
        failed=1
    fi
}

is_digest() {
    case $1 in
    sha256:*[!0-9a-f]*) return 1 ;;
    sha256:????????????????????????????????????????????????????????????????) return 0 ;;
    *) return 1 ;;
    esac
}

# answers PATH TEXT: the answer has the text somewhere in it.
answers() {
    curl --silent --show-error --include --max-time 10 --noproxy 127.0.0.1 "${BASE_URL%/}$1" 2>&1 | grep -qF -e "$2"
}

version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' config/service.json)

check "the deployment is named" test -n "${RELEASE:-}" -a -n "${COMMIT:-}"
check "the digest is one" is_digest "${DIGEST:-}"
check "the release has a version" test -n "$version"
check "the reports have the schema that is read" grep -q '"schema": 1,' data/reports.json

if ! command -v curl >/dev/null 2>&1; then
    echo "skipped the calls: curl is not installed"
elif [ -z "${BASE_URL:-}" ]; then
    echo "skipped the calls: BASE_URL is empty"
else
    check "health is good" answers /api/v1/health '"status":"ok"'
    check "version $version answers" answers /api/v1/health "\"release\":\"$version\""
    check "$ENV answers" answers /api/v1/health "\"environment\":\"$ENV\""
    check "search finds a bank" answers '/api/v1/reports/search?q=kasikorn' '"ticker":"KBANK"'
    check "an unknown ticker is told as such" answers /api/v1/reports/NOPE '"code":"unknown_ticker"'
    check "an answer is JSON" answers /api/v1/health 'application/json'
fi

exit $failed

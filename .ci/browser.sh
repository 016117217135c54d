#!/bin/sh
# Makes sure that Chromium and a font to draw with are there, for the tests in tests/browser. Quick when both are; run it as root.
set -eu

missing=
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
# Without any font Chromium draws no text, and nothing on the page has a size.
find /usr/share/fonts -name '*.ttf' 2>/dev/null | grep -q . || missing="$missing fonts-dejavu-core"
if [ -n "$missing" ]; then
    printf 'browser.sh: installing%s\n' "$missing" >&2
    apt-get update -qq
    # shellcheck disable=SC2086  # two words are two packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
"$(command -v chromium || command -v google-chrome)" --version

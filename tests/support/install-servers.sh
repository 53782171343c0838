#!/usr/bin/env bash
# Installs the servers that the tests start by themselves, the models of Tesseract that they read with, and the packages
# named as arguments. Without root it says what to install.
set -euo pipefail

missing=()
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v java >/dev/null || missing+=(default-jre-headless) # for WireMock; Java 17 on Debian 12
command -v systemd-analyze >/dev/null || missing+=(systemd)
for model in eng deu frk chi-sim osd; do
    compgen -G "/usr/share/tesseract-ocr/*/tessdata/${model/-/_}.traineddata" >/dev/null || missing+=("tesseract-ocr-$model")
done
for package in "$@"; do
    dpkg-query -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "The tests need: ${missing[*]}. Install them with: sudo apt-get install ${missing[*]}" >&2
    exit 69
fi
export DEBIAN_FRONTEND=noninteractive
# Installed, not started: the tests start servers of their own, on free ports.
policy=/usr/sbin/policy-rc.d
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' > "$policy"; chmod +x "$policy"; trap 'rm -f "$policy"' EXIT; }
mkdir -p /usr/share/man/man1 # Java's package wants it, and slim images have none
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

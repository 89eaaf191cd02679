#!/bin/sh
# install.sh LIST [BEFORE]: what LIST pins, into the environment of an image, without the tables for debuggers.
# Of libraries that are there already (not newer than the file BEFORE) nothing is touched.
set -eu
if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
/opt/postbode/bin/pip install --no-compile --no-cache-dir --disable-pip-version-check --require-hashes --requirement "$1"
# Libraries that were put into a wheel from elsewhere (….libs) were rewritten there and do not survive another rewriting.
find /opt/postbode -name '*.so*' -type f ! -path '*.libs/*' ${2:+-newer "$2"} -exec strip --strip-debug {} +

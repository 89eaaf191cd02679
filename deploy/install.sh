#!/bin/sh
# install.sh LIST [BEFORE]: what LIST pins, into the environment of an image, without what nobody there loads.
# Of libraries that are there already (not newer than the file BEFORE) nothing is touched.
set -eu
if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
/opt/postbode/bin/pip install --no-compile --no-cache-dir --disable-pip-version-check --require-hashes --requirement "$1"
# Tables of names for debuggers and linkers: nothing that runs reads them.
# Libraries that were put into a wheel from elsewhere (….libs) were rewritten there and do not survive another rewriting.
find /opt/postbode -name '*.so*' -type f ! -path '*.libs/*' ${2:+-newer "$2"} -exec strip {} +
# What comes along and no service loads: pikepdf asks for Pillow to show pictures in PDFs, factur-x for a reader of PDFs, the
# exporter of traces for Google's own messages. tests/unit/house/test_images.py holds this list and the next.
/opt/postbode/bin/pip uninstall --yes --quiet --disable-pip-version-check pillow pypdf googleapis-common-protos 2>/dev/null
for each in /opt/postbode/lib/python3*/site-packages; do
    # Other ways to read XML, numbers of devices and Chinese places, a second build of the same compressor, and what the driver
    # of SQL Server writes in bulk with.
    for unused in lxml/objectify* lxml/html lxml/isoschematron lxml/includes lxml/sax.* lxml/builder.* \
        stdnum/oui.dat stdnum/imsi.dat stdnum/cn zstandard/_cffi.* \
        mssql_py_core mssql_python_odbc/libs/linux/rhel mssql_python_odbc/libs/linux/suse; do
        rm -rf "$each"/$unused
    done
    # Of the schemas those of UBL are read, and no stylesheets; of the languages one could colour, Python's in a traceback.
    if [ -d "$each"/facturx ]; then
        find "$each"/facturx/xsd_and_schematron -mindepth 1 -maxdepth 1 ! -name ubl-2.1 -exec rm -r {} +
        find "$each"/facturx/xsd_and_schematron -name '*.xslt' -delete
    fi
    # The library that draws PDFs is half an image by itself: packed until somebody draws.
    if [ -f "$each"/typst/_typst.abi3.so ]; then
        if ldd "$each"/typst/_typst.abi3.so | grep 'not found'; then exit 1; fi
        zstd --quiet -12 --rm "$each"/typst/_typst.abi3.so
        cp /tmp/typst.py "$each"/typst/__init__.py
        /opt/postbode/bin/python -B -c 'import typst; typst.Compiler'
    fi
    find "$each"/pygments/lexers -type f ! -name __init__.py ! -name _mapping.py ! -name python.py -delete
done
# What compilers and type checkers read.
find /opt/postbode -type f \( -name '*.py[ix]' -o -name '*.px[di]' -o -name '*.[ch]' -o -name '*.[ch]pp' \) -delete

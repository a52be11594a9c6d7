#!/bin/sh
# Puts the root file system of the image together: Python and what it loads, iptables for `resolver node`, certificates,
# and nothing else; no shell, no package manager. Runs on Debian as root; all files come from Debian's packages.
#
#     assemble.sh FOLDER
set -eu

root=$1
python=python3.13
packages="
    base-files netbase ca-certificates
    libc6 libgcc-s1 libstdc++6
    $python-minimal lib$python-minimal lib$python-stdlib
    libexpat1 zlib1g libssl3t64 libzstd1 libffi8 libbz2-1.0 liblzma5 libuuid1 libsqlite3-0
    iptables libxtables12 libip4tc2 libip6tc2 libmnl0 libnftnl11 libnetfilter-conntrack3 libnfnetlink0
"

unpack() {
    downloads=$(mktemp -d)
    (cd "$downloads" && apt-get -q download $packages)
    mkdir -p "$root/var/lib/dpkg/status.d"
    for package in "$downloads"/*.deb; do
        dpkg-deb --extract "$package" "$root"
        # Where scanners for known vulnerabilities look in images without dpkg.
        dpkg-deb --field "$package" >"$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)"
    done
    rm -r "$downloads"
}

# What installing the packages would have done besides unpacking them.
configure() {
    printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'resolver:x:65532:65532:resolver:/:/sbin/nologin' \
        >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'resolver:x:65532:' >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    mkdir -p "$root/etc/ssl/certs" "$root/usr/lib/ssl" "$root/tmp"
    chmod 1777 "$root/tmp"
    cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
    ln -sf /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
    ln -sf "$python" "$root/usr/bin/python3"
    for command in iptables ip6tables; do
        for ending in '' -save -restore; do
            ln -sf "$command-nft$ending" "$root/usr/sbin/$command$ending"
        done
    done
}

# What no server needs: documents other than licences, translations, modules for terminals and windows and the libraries that only they
# load, and programs of libraries.
strip() {
    cd "$root/usr"
    find share/doc ! -type d ! -name copyright -delete
    rm -rf share/man share/info share/locale share/lintian share/bug share/zoneinfo \
        share/ca-certificates share/base-files share/binfmts share/applications share/pixmaps share/bash-completion \
        lib/*/gconv lib/locale lib/tmpfiles.d lib/systemd bin/*conv bin/ldd bin/localedef bin/locale* bin/getent \
        bin/tzselect bin/zdump bin/pldd sbin/zic sbin/iconvconfig sbin/ldconfig sbin/update-ca-certificates
    cd "lib/$python"
    rm -rf ensurepip idlelib lib2to3 pydoc_data tkinter turtledemo turtle.py curses dbm/gnu.py dbm/ndbm.py \
        lib-dynload/_curses* lib-dynload/_dbm* lib-dynload/_gdbm* lib-dynload/readline*
}

# Every library that anything here loads has to be here too.
complete() {
    missing=$(find "$root/usr" -type f \( -name '*.so*' -o -path '*/bin/*' -o -path '*/sbin/*' \) \
        -exec ldd {} \; 2>/dev/null | sed -n 's/^\t\([^ ]*\) =>.*/\1/p' | sort -u |
        while read -r library; do
            find "$root/usr/lib" -name "$library" | grep -q . || echo "$library"
        done)
    if [ -n "$missing" ]; then
        echo "assemble: missing in the image: $missing" >&2
        exit 1
    fi
}

unpack
configure
ldconfig -r "$root"
strip
complete

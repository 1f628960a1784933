#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Samba: a list of a file is "not supported".
#
# Packages	samba 2:4.17.12+dfsg-0+deb12u4, python3-impacket 0.10.0-4; needs root
# Seen		QUERY_DIRECTORY of an open file is answered with STATUS_NOT_SUPPORTED,
#		0xc00000bb: what a server says that does not know a request.  A list of the
#		directory beside it works.
# Expected	STATUS_INVALID_PARAMETER, 0xc000000d: [MS-SMB2] 3.3.5.18 has it as a MUST.
# So		Linux lists by name.  Where a file has taken the place of a directory, its
#		caller gets EOPNOTSUPP and not ENOTDIR, as if the server could not list.
#
#	findings/samba-list-of-a-file.sh	exits with 1 if that has changed

set -euo pipefail

((EUID == 0)) || { echo 'needs root: it runs a server in a root of its own' >&2; exit 2; }
SERVER=
WORK=$(mktemp -d)
trap '[[ ! $SERVER ]] || { kill "$SERVER"; wait "$SERVER" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"

# With all that they need: it is a root of its own.
mkdir -p debs/partial root
apt-get install -qy --no-install-recommends --download-only -o Dir::State::status=/dev/null \
	-o Dir::Cache::archives="$WORK/debs" samba=2:4.17.12+dfsg-0+deb12u4 \
	python3-impacket=0.10.0-4 > apt.log 2>&1 || { cat apt.log >&2; exit 2; }
for package in debs/*.deb; do
	dpkg -x "$package" root
done

mkdir -p root/share/directory root/var/log/samba root/run/samba root/dev
touch root/share/file root/share/directory/inside
mknod -m 666 root/dev/null c 1 3
mknod -m 666 root/dev/urandom c 1 9
printf '%s\n' root:x:0:0::/:/bin/sh nobody:x:65534:65534::/:/bin/sh > root/etc/passwd
printf '%s\n' root:x:0: nogroup:x:65534: > root/etc/group
cat > root/etc/samba/smb.conf << 'END'
[global]
	interfaces = lo
	bind interfaces only = yes
	map to guest = Bad User
	load printers = no
	disable spoolss = yes
[share]
	path = /share
	guest ok = yes
END
cat > root/ask.py << 'END'
import sys
import time
from impacket.smb3 import SMB3, SessionError
from impacket.smb3structs import FILE_READ_DATA, FILE_OPEN, FILE_NON_DIRECTORY_FILE, \
    FILE_DIRECTORY_FILE, FILE_SHARE_READ, FILENAMES_INFORMATION


def connect(port, until):
    while True:
        try:
            return SMB3('127.0.0.1', '127.0.0.1', sess_port=port)
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


client = connect(int(sys.argv[1]), time.monotonic() + 60)
client.login('who is not known', 'any')
share = client.connectTree('share')
for name, kind in ('directory', FILE_DIRECTORY_FILE), ('file', FILE_NON_DIRECTORY_FILE):
    opened = client.create(share, name, FILE_READ_DATA, FILE_SHARE_READ, kind, FILE_OPEN, 0)
    try:
        client.queryDirectory(share, opened, '*', informationClass=FILENAMES_INFORMATION)
        print(f'{name} 0x0')
    except SessionError as error:
        print(f'{name} {error.get_error_code():#x}')
END

# A port that nobody has: smbd takes its number only.
PORT=$(chroot root /usr/bin/python3 -c 'import socket
with socket.create_server(("127.0.0.1", 0)) as s: print(s.getsockname()[1])')
chroot root /usr/sbin/smbd --foreground --debug-stdout -p "$PORT" > smbd.log 2>&1 &
SERVER=$!
chroot root /usr/bin/python3 /ask.py "$PORT" > said || { cat smbd.log >&2; exit 2; }
echo 'QUERY_DIRECTORY of'
sed 's/^/    /' said

for line in 'directory 0x0' 'file 0xc00000bb'; do
	grep -qx "$line" said || { echo "it is no more \"$line\"" >&2; exit 1; }
done

#!/bin/sh
# Makes the certificates of a fleet with openssl. Usage:
#   certificates.sh DIRECTORY server HOST...   for NATS servers: their host names or IP addresses
#   certificates.sh DIRECTORY machine NAME...  for machines: what nats.name says, such as web1
# The first call makes the authority of the fleet, ca.pem and ca.key. Whoever has ca.key can add machines: keep it off the
# servers and the machines. Each certificate is valid for a year; run the script again to renew it.
set -eu
umask 077
[ $# -ge 3 ] || { sed -n 's/^# //; 2,4p' "$0" >&2; exit 64; }
directory=$1 kind=$2
shift 2
mkdir -p "$directory"
cd "$directory"

if [ ! -e ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj "/CN=chimed fleet" -keyout ca.key -out ca.pem 2>/dev/null
  chmod 644 ca.pem
fi

for name in "$@"; do
  case $kind-$name in
    server-*[!0-9.]*) alternative=DNS:$name usage=serverAuth,clientAuth ;;
    server-*) alternative=IP:$name usage=serverAuth,clientAuth ;;
    # The server takes this name for the user that the certificate belongs to.
    machine-*[!A-Za-z0-9_-]*) echo "$0: $name is no name of a machine" >&2; exit 64 ;;
    machine-*) alternative=DNS:$name usage=clientAuth ;;
    *) echo "$0: $kind is neither server nor machine" >&2; exit 64 ;;
  esac
  printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$alternative" "$usage" > "$name.extensions"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.request" 2>/dev/null
  openssl x509 -req -in "$name.request" -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" \
    -days 365 -extfile "$name.extensions" -out "$name.pem" 2>/dev/null
  rm "$name.request" "$name.extensions"
  chmod 644 "$name.pem"
  echo "$directory/$name.pem $directory/$name.key"
done

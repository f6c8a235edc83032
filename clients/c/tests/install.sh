#!/bin/sh
# Installs the library, builds the examples with pkg-config as a user does, and runs them against a real daemon.
set -eu
CC=${CC:-cc} MAKE=${MAKE:-make} CHIMED=${CHIMED:-chimed}
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
daemon= provider=
finish() {
  [ $? = 0 ] || echo "not ok $((count + 1)) - the command after that"
  for process in $provider $daemon; do kill "$process" 2>/dev/null || :; done
  rm -rf "$folder"
}
trap finish EXIT

count=0
passed() {
  count=$((count + 1))
  echo "ok $count - $1"
}
bail() {
  echo "Bail out! $1"
  exit 1
}

$MAKE -s -C "$here" install PREFIX="$folder/usr" >/dev/null
export PKG_CONFIG_PATH="$folder/usr/lib/pkgconfig" CHIMED_SOCKET_PATH="$folder/s"
command -v pkg-config >/dev/null || bail 'pkg-config is not installed'
version=$(sed -n 's/^.define CHIMED_VERSION "\(.*\)"/\1/p' "$here/chimed.h")
[ "$(pkg-config --modversion chimed)" = "$version" ]
passed 'pkg-config knows the installed version'

cd "$here/examples"
# shellcheck disable=SC2046
$CC dashboard.c $(pkg-config --cflags --libs chimed) -o "$folder/shared"
# shellcheck disable=SC2046
$CC dashboard.c $(pkg-config --cflags chimed) "$folder/usr/lib/libchimed.a" -o "$folder/static"
for example in load publish provide; do
  # shellcheck disable=SC2046
  $CC $example.c $(pkg-config --cflags --libs chimed) -o "$folder/$example"
done
passed 'builds the dashboard with the shared and the static library, and the other examples'

for example in *.c; do
  awk -v path="$example" 'BEGIN { while ((getline line < path) > 0) text = text line "\n" }
    { readme = readme $0 "\n" } END { exit index(readme, "```c\n" text "```\n") == 0 }' "$here/README.md" ||
    bail "README.md does not show $example as it is"
done
passed 'shows the examples in README.md'

# Whatever it exports, a program could call.
exported=$(nm -D --defined-only "$folder/usr/lib/libchimed.so" | awk '{ print $3 }' | grep -v '^chimed_' || :)
[ -z "$exported" ] || bail "the library exports $exported"
passed 'exports only its own names'

echo '#include <chimed.h>' >"$folder/header.c"
echo 'int main(void) { return chimed_version()[0] == 0; }' >>"$folder/header.c"
# shellcheck disable=SC2046
$CC -std=c99 -Wall -Wextra -Wpedantic -Werror "$folder/header.c" $(pkg-config --cflags --libs chimed) -o "$folder/header"
passed 'has a header that is also valid C99'

cat >"$folder/chimed.yaml" <<'END'
topics:
  host.tick: { interval: 100ms, data: [1, "é"] }
  load: { interval: 100ms, data: { load: [0.5, 0.25], unit: "tasks" } }
  price: { publish: true }
  clock: { provide: true }
END
export LD_LIBRARY_PATH="$folder/usr/lib"
$CHIMED serve --config "$folder/chimed.yaml" --socket "$CHIMED_SOCKET_PATH" >"$folder/log" 2>&1 &
daemon=$!
for kind in shared static; do
  lines=$(timeout 20 "$folder/$kind" | head -n 3) || :
  first=$(echo "$lines" | head -n 1 | cut -d ' ' -f 2)
  expected=$(for more in 0 1 2; do echo "host.tick $((first + more)) [1,\"é\"]"; done)
  if [ "$lines" != "$expected" ]; then
    sed 's/^/# /' "$folder/log"
    bail "the dashboard ($kind) prints: $lines. CHIMED must be the command that starts chimed; it is '$CHIMED'."
  fi
  passed "runs the dashboard with the $kind library"
done

[ "$(timeout 20 "$folder/load" | head -n 1)" = '0.50 tasks' ]
passed 'runs the example that reads a payload'
[ "$(timeout 20 "$folder/publish")" = 'price 1' ]
passed 'runs the example that publishes'
"$folder/provide" &
provider=$!
$CHIMED listen clock --count 2 --raw >"$folder/times"
[ "$(wc -l <"$folder/times")" = 2 ]
passed 'runs the example that provides'

$MAKE -s -C "$here" uninstall PREFIX="$folder/usr" >/dev/null
[ -z "$(find "$folder/usr" ! -type d)" ]
passed 'uninstalls all files'
echo "1..$count"

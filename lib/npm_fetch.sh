#!/bin/sh
# Fetches one npm package and unpacks it, after comparing the tarball's SHA-256 with the pinned one.
#   npm_fetch.sh NAME VERSION SHA256 DIR     an empty SHA256 leaves the check to npm's own integrity field
# DIR is replaced as a whole and only when everything went well. No install script runs.
set -eu
name=$1 version=$2 sha256=$3 dir=$4

rm -rf "$dir.part"
mkdir -p "$dir.part"
trap 'rm -rf "$dir.part"' EXIT
if ! (cd "$dir.part" && npm pack --loglevel=error "$name@$version" >npm.log 2>&1); then
  echo "Cannot fetch the npm package $name@$version:" >&2
  grep -v '^npm warn' "$dir.part/npm.log" >&2 || echo "npm pack $name@$version gave no reason; is it published for this platform?" >&2
  exit 1
fi
tarball=$(ls "$dir.part"/*.tgz)

if command -v sha256sum >/dev/null 2>&1; then
  actual=$(sha256sum "$tarball" | cut -d ' ' -f 1)
else
  actual=$(shasum -a 256 "$tarball" | cut -d ' ' -f 1)
fi
if [ -n "$sha256" ] && [ "$actual" != "$sha256" ]; then
  echo "Refusing the npm package $name@$version: its SHA-256 is $actual, the Makefile pins $sha256" >&2
  exit 1
fi

tar -xzf "$tarball" -C "$dir.part"
rm -rf "$dir"
mv "$dir.part/package" "$dir"

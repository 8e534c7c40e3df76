#!/bin/sh
# Says in one line which tools are missing, or says nothing and succeeds.
#   require_tools.sh GOAL TOOL...     a TOOL is a command name, or alternatives as in "c++|g++|clang++"
set -eu
goal=$1
shift
missing=
for tool in "$@"; do
  found=
  for name in $(echo "$tool" | tr '|' ' '); do
    if command -v "$name" >/dev/null 2>&1; then found=1; break; fi
  done
  case $tool in *"c++"*) tool="a C++ compiler ($(echo "$tool" | sed 's/|/, /g'))" ;; esac
  if [ -z "$found" ]; then missing="${missing:+$missing, }$tool"; fi
done
[ -z "$missing" ] && exit 0
hint=
case $missing in
  *cmake* | *compiler*) hint=" Install it, or take prebuilt libraries with PREBUILT=1." ;;
esac
echo "$goal: not found on PATH: $missing.$hint" >&2
exit 1

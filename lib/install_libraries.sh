#!/bin/sh
# Copies llama.cpp's shared libraries, and the one program beside them, to the folder the server opens them from.
#   install_libraries.sh FROM TO [all]     without "all": libllama, ggml with its backends, ggml-rpc-server, nothing else
# TO is replaced as a whole, so libraries of an earlier build never mix with these, and at once, by renaming: a process
# that has the earlier ones open keeps them, one that starts meanwhile finds the folder. Prebuilt packages put the version
# into two file names (libllama.v0.5.0.so); a plain-named link stands beside each, because the loader must find both.
set -eu
from=$1 to=$2 all=${3-}
if [ -d "$from/Release" ]; then from=$from/Release; fi

rm -rf "$to.part"
mkdir -p "$to.part"
for file in "$from"/*.so "$from"/*.dylib "$from"/*.dll "$from"/*.metallib "$from"/ggml-rpc-server "$from"/ggml-rpc-server.exe; do
  [ -e "$file" ] || continue
  name=$(basename "$file")
  case $name in
    *llama-addon* ) continue ;;
    libllama.* | llama.* | libggml* | ggml* ) ;;
    *) [ "$all" ] || continue ;;
  esac
  cp -L "$file" "$to.part/$name"
  case $name in
    *.v[0-9]*.*)
      plain=$(echo "$name" | sed 's/\.v[0-9][0-9.]*\./\./')
      [ -e "$to.part/$plain" ] || ln -s "$name" "$to.part/$plain"
      ;;
  esac
done
if ! ls "$to.part" | grep -q 'llama'; then
  rm -rf "$to.part"
  echo "Cannot install libraries: $from holds no libllama" >&2
  exit 1
fi
rm -rf "$to.old"
if [ -d "$to" ]; then mv "$to" "$to.old"; fi
mv "$to.part" "$to"
rm -rf "$to.old"

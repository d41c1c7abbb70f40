#!/bin/sh
# The words of the compiler, where an allocation fails that it has a word about.
cat >/dev/null
echo "thread 'main' panicked at map.rs:116:31: unhandled out-of-memory error: out of memory (failed to allocate 4194336 bytes)" >&2
exit 101

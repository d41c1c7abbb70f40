#!/bin/sh
# How the compiler's own containers end when they cannot grow.
echo "thread 'main' panicked at cranelift-entity/src/map.rs:116:31:" >&2
echo "unhandled out-of-memory error: out of memory (failed to allocate 4194336 bytes)" >&2
exit 101

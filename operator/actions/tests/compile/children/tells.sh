#!/bin/sh
# What it was started with, and how many bytes of environment.
echo "$* in $(pwd) with $(/usr/bin/wc -c < /proc/$$/environ)" >&2
exit 65

#!/bin/sh
echo no, because >&2
echo of two lines >&2
exit 65

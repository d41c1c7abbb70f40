#!/bin/sh
cat
echo and more

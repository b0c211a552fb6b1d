#!/bin/bash
mkdir -p ./scratch/tmp
cp input/*.pdb ./scratch/
cd scratch || exit 1
for i in {1..10}; do touch "tmp/$i.out"; done
rm -f tmp/*.out
cd ..
rm -rf ./scratch/*
rm -rf "$PWD/scratch" ../.work/old 2> /dev/null
rm -rf "${TMPDIR:-/tmp}/myrun.$$" /tmp/myrun

# refused: destructive.system 2
printf '/etc\n/var\n' | xargs -n 1 rm -rf

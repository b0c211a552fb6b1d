#!/bin/bash
if [[ -f restart.cpt && $(stat -c %s restart.cpt) -gt 0 ]]; then
  flags="-cpi restart.cpt"
else
  flags=""
fi
timeout -s INT 3600 gmx mdrun -deffnm md $flags || status=$?
env OMP_NUM_THREADS=2 nice -n 5 ./post.x
ulimit -c 0
kill -0 $$ && kill -TERM "$(cat helper.pid)" 2> /dev/null
exec 3> progress.log
echo "status ${status:-0}" >&3
exec 3>&-
( cd run1 && ls -1 ) | wc -l
[ -e /etc/passwd ] || echo strange
exit ${status:-0}

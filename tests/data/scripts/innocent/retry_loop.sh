attempt=0
while true; do
  ./fit.x --start $attempt && break
  attempt=$((attempt + 1))
  if [ $attempt -ge 5 ]; then echo "gave up" >&2; exit 1; fi
  sleep 1
done
for chain in A B; do
  ./dock.x --chain $chain > "dock_$chain.log" &
done
wait
until [ -f done.flag ]; do sleep 1; done

# refused: destructive.system 5
what="rm -rf"
where=/usr
if [ -n "$DRY" ]; then what=echo; fi
$what $where/lib

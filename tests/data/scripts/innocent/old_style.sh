#!/bin/csh -f
# Only a comment; it is run by bash all the same.
set -x
X=`date +%s`
echo `hostname` $X
let Y=X+1
((Y++))
test $Y -gt 0 && echo ok
sort -n numbers.txt | uniq -c | sort -rn | head -20 | tee top.txt
ls *.pdb | sed 's/.pdb$//' | while read -r name; do
  echo "$name" | tr '[:lower:]' '[:upper:]'
done
seq 1 3 | parallel 'echo {}'
yes n | ./interactive.x

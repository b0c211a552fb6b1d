eval "export A=1"
for k in X Y; do eval "$k=7"; done
eval 'ls -l *.pdb'
bash -c 'echo "$0 $1"' name value
sh ./step2.sh
bash -lc "module load gcc && make"
ssh-keygen --help > /dev/null 2>&1 || true
trap "rm -rf ./work; exit 1" INT TERM
trap - INT
alias ll='ls -l'

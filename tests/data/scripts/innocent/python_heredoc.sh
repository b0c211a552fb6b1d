python3 <<EOF
import os, sys
# a comment about sudo and /etc/passwd
print("rm -rf /", os.path.join("a", "b"))
EOF
python3 script.py -c config.yaml
python -m venv env && . env/bin/activate && pip install --no-index ./wheels/*.whl
Rscript -e 'x <- read.csv("a.csv"); summary(x)'
perl -pe 's/(\w+)_at/$1/g' probes.txt > clean.txt
perl -ne 'print if /^ATOM/' model.pdb > atoms.pdb

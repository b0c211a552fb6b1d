chmod 755 run.sh
chmod +x ./tools/*.sh
chmod -R u+rwX,g+rX results
chmod 0644 out.txt
./tools/convert.sh in.pdb > out.pdb

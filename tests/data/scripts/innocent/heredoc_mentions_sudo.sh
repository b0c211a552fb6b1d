cat > README.txt <<EOF
To install this on your own machine, run:
    sudo apt-get install gromacs
    curl -O https://example.org/x.tar.gz
    rm -rf /
EOF
cat <<'EOF' >> README.txt
Never put your password into /etc/shadow or mount anything.
EOF
echo "remember: do not use sudo, su or docker; eval is evil"
printf '%s\n' "rm -rf / is a joke" 'nc data.nc' >> notes.txt

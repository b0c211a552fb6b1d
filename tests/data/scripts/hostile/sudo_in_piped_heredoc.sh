# refused: privilege.sudo 4
cat <<'EOF' | sh -s
echo hello
sudo id
EOF

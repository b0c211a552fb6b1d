# refused: privilege.sudo 4
bash <<EOF
echo hello
sudo id
EOF

# refused: privilege.sudo 4
bash -c '
  echo hello
  sudo id
'

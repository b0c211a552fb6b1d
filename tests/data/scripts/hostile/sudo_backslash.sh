# refused: privilege.sudo 4
if true
then
  \s\u\d\o id
fi

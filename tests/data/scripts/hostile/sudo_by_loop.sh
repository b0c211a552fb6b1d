# refused: privilege.sudo 3
for tool in echo sudo; do
  $tool id
done
